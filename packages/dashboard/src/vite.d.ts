/** What the build puts in. */
interface ImportMetaEnv {
  /** `/app/` or `/operator/`. */
  readonly BASE_URL: string;
}
interface ImportMeta {
  readonly env: ImportMetaEnv;
}
