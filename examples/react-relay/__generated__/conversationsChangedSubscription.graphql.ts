/**
 * @generated SignedSource<<67f99e1fb28e00692687156d49dd5c23>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import { ConcreteRequest } from 'relay-runtime';
export type ChangeKind = "CREATED" | "DELETED" | "UPDATED";
export type conversationsChangedSubscription$variables = Record<PropertyKey, never>;
export type conversationsChangedSubscription$data = {
  readonly conversationChanged: {
    readonly conversation: {
      readonly id: string;
      readonly subject: string | null | undefined;
    } | null | undefined;
    readonly conversationId: string;
    readonly kind: ChangeKind;
  } | null | undefined;
};
export type conversationsChangedSubscription = {
  response: conversationsChangedSubscription$data;
  variables: conversationsChangedSubscription$variables;
};

const node: ConcreteRequest = (function(){
var v0 = [
  {
    "alias": null,
    "args": null,
    "concreteType": "ConversationChange",
    "kind": "LinkedField",
    "name": "conversationChanged",
    "plural": false,
    "selections": [
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "kind",
        "storageKey": null
      },
      {
        "alias": null,
        "args": null,
        "kind": "ScalarField",
        "name": "conversationId",
        "storageKey": null
      },
      {
        "alias": null,
        "args": null,
        "concreteType": "Conversation",
        "kind": "LinkedField",
        "name": "conversation",
        "plural": false,
        "selections": [
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "id",
            "storageKey": null
          },
          {
            "alias": null,
            "args": null,
            "kind": "ScalarField",
            "name": "subject",
            "storageKey": null
          }
        ],
        "storageKey": null
      }
    ],
    "storageKey": null
  }
];
return {
  "fragment": {
    "argumentDefinitions": [],
    "kind": "Fragment",
    "metadata": null,
    "name": "conversationsChangedSubscription",
    "selections": (v0/*:: as any*/),
    "type": "Subscription",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": [],
    "kind": "Operation",
    "name": "conversationsChangedSubscription",
    "selections": (v0/*:: as any*/)
  },
  "params": {
    "cacheID": "5b9a49fea8ce69239ea84d62b28f7e94",
    "id": null,
    "metadata": {},
    "name": "conversationsChangedSubscription",
    "operationKind": "subscription",
    "text": "subscription conversationsChangedSubscription {\n  conversationChanged {\n    kind\n    conversationId\n    conversation {\n      id\n      subject\n    }\n  }\n}\n"
  }
};
})();

(node as any).hash = "ee259185aa76b1a5c29fb8317feb9a6b";

export default node;
