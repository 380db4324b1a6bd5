/** What is copied, between whichever places: a stream of entries, each folder before what is in it. */

/** Path below what is copied; empty for itself. No part is empty, `.` or `..`. */
export type EntryPath = readonly string[];

export type CopyEntry =
  | { readonly kind: "folder"; readonly path: EntryPath; readonly mode: number }
  | {
      readonly kind: "file";
      readonly path: EntryPath;
      readonly mode: number;
      /** Bytes. */
      readonly size: number;
      /** Exactly `size` bytes; to be read before the next entry is asked for. */
      readonly body: AsyncIterable<Uint8Array>;
    }
  /** A symbolic link. */
  | { readonly kind: "link"; readonly path: EntryPath; readonly target: string }
  /** A second name of a file that came before. */
  | { readonly kind: "twin"; readonly path: EntryPath; readonly of: EntryPath };

/** Something to copy, opened. */
export interface OpenSource {
  readonly kind: "file" | "folder";
  /** What it is called where it comes from; undefined when only what is in it is meant. */
  readonly name: string | undefined;
  readonly entries: AsyncIterable<CopyEntry>;
  /** Ends what delivers the entries, whether all of them were taken or none. */
  readonly close: () => void;
}

/** Modes are kept without set-user-id and its like: what is copied belongs to somebody else. */
export const MODE_BITS = 0o777;

export interface CopyCall {
  readonly signal: AbortSignal;
  /** Called with the bytes that are going to come, where that is known. */
  readonly expected: (bytes: number) => void;
  /** Called with the bytes of each part that has gone through. */
  readonly moved: (bytes: number) => void;
  /** Called for each file that has arrived. */
  readonly arrived: () => void;
  /** Called with what cannot be copied, such as a socket. */
  readonly skipped: (what: string) => void;
}
