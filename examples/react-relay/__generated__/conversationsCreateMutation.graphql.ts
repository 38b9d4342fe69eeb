/**
 * @generated SignedSource<<2e45e08a5055904853f66435cd1135e4>>
 * @lightSyntaxTransform
 */

/* tslint:disable */
/* eslint-disable */
// @ts-nocheck

import { ConcreteRequest } from 'relay-runtime';
export type CreateConversationInput = {
  body: string;
  subject?: string | null | undefined;
};
export type conversationsCreateMutation$variables = {
  input: CreateConversationInput;
};
export type conversationsCreateMutation$data = {
  readonly createConversation: {
    readonly conversation: {
      readonly id: string;
      readonly subject: string | null | undefined;
    } | null | undefined;
  } | null | undefined;
};
export type conversationsCreateMutation = {
  response: conversationsCreateMutation$data;
  variables: conversationsCreateMutation$variables;
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
    "concreteType": "CreateConversationPayload",
    "kind": "LinkedField",
    "name": "createConversation",
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
    "name": "conversationsCreateMutation",
    "selections": (v1/*:: as any*/),
    "type": "Mutation",
    "abstractKey": null
  },
  "kind": "Request",
  "operation": {
    "argumentDefinitions": (v0/*:: as any*/),
    "kind": "Operation",
    "name": "conversationsCreateMutation",
    "selections": (v1/*:: as any*/)
  },
  "params": {
    "cacheID": "219ac6317284354c85dfa45a1540c144",
    "id": null,
    "metadata": {},
    "name": "conversationsCreateMutation",
    "operationKind": "mutation",
    "text": "mutation conversationsCreateMutation(\n  $input: CreateConversationInput!\n) {\n  createConversation(input: $input) {\n    conversation {\n      id\n      subject\n    }\n  }\n}\n"
  }
};
})();

(node as any).hash = "41eb4428a5999b7cb63754403dd48f92";

export default node;
