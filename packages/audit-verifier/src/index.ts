export { ByteWriter, FormatError, fromHex, sha256 } from './bytes.js';
export { cutBytes, signCut, type Cut } from './cut.js';
export { Deletions, REDACTED } from './deletions.js';
export { isBackdated, lacksNumber, type Before } from './entry-dates.js';
export {
  SALT_BYTES,
  commitment,
  commitmentsOf,
  fieldsOf,
  itemsOf,
  leafOf,
  leafOfEntry,
  type EntryFields,
  type Item,
  type Redaction,
  type Shape,
  type TrailEntry,
} from './entry.js';
export { EXPORT, verifyExport, verifyExportFile } from './export.js';
export { newestHeads, newestHeadsOfFile } from './heads.js';
export {
  MerkleTree,
  largestPowerBelow,
  nodeOf,
  proofRanges,
  rootFromProof,
  type OnNode,
  type Range,
} from './merkle-tree.js';
export { HEAD, headJson, newestHead, proofOf, sealOf } from './parse.js';
export { membersOf, type Member } from './printed-json.js';
export { PROOF, flawOfProof, type Proof, type ProofOptions, type ShownItem } from './proof.js';
export { NO_SEAL, TrustedKeys, keyId, sealBytes, sealHash, signSeal, type Seal } from './seal.js';
export { TrailVerifier } from './trail.js';
export type { BrokenEntry, Defect, SealedEntry, Start, TrailOptions, Verification } from './verification.js';
