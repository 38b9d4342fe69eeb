/**
 * @generated SignedSource<<e361d7c1548d62978b1f8de1bf1b1c4f>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import { ConcreteRequest } from 'relay-runtime';
export type UpdateConversationInput = {
  body?: string | null | undefined;
  expectedVersion?: number | null | undefined;
  id: string;
  subject?: string | null | undefined;
};
export type conversationsUpdateMutation$variables = {
  input: UpdateConversationInput;
};
export type conversationsUpdateMutation$data = {
  readonly updateConversation: {
    readonly conversation: {
      readonly id: string;
      readonly subject: string | null | undefined;
    } | null | undefined;
  } | null | undefined;
};
export type conversationsUpdateMutation = {
  response: conversationsUpdateMutation$data;
  variables: conversationsUpdateMutation$variables;
};

const node: ConcreteRequest = (function(){
var v0 = [
  {
    "defaultValue": null,
    "kind": "LocalArgument",
    "name": "input"
  }
],
v1 = [
  {
    "alias": null,
    "args": [
      {
        "kind": "Variable",
        "name": "input",
        "variableName": "input"
      }
    ],
    "concreteType": "UpdateConversationPayload",
    "kind": "LinkedField",
    "name": "updateConversation",
    "plural": false,
    "selections": [
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
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Fragment",
    "metadata": null,
    "name": "conversationsUpdateMutation",
    "selections": (v1/*:: as any*/),
    "type": "Mutation",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Operation",
    "name": "conversationsUpdateMutation",
    "selections": (v1/*:: as any*/)
  },
  "params": {
    "cacheID": "9d64914444f782ac007620f983d2e837",
    "id": null,
    "metadata": {},
    "name": "conversationsUpdateMutation",
    "operationKind": "mutation",
    "text": "mutation conversationsUpdateMutation(\n  $input: UpdateConversationInput!\n) {\n  updateConversation(input: $input) {\n    conversation {\n      id\n      subject\n    }\n  }\n}\n"
  }
};
})();

(node as any).hash = "5241eb8f36b6a7aa827664e84aae35be";

export default node;
