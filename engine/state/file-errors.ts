import { errorText, fail, systemErrorCode } from "../diagnostics.ts";

/** Turns what the system says about a failed write into what the user can do; anything else is thrown on. */
export function explainWriteError(error: unknown, path: string): never {
  const code = systemErrorCode(error);
  if (code === "ENOSPC" || code === "EDQUOT") {
    fail(
      {
        code: "state/disk-full",
        summary:
          code === "ENOSPC"
            ? "The disk is full: the state was not written"
            : "The disk quota is used up: the state was not written",
        detail: `${errorText(error)}\nThe state as it was before in ${path} is intact.`,
        hint: "Make room, for example with `vmlab trash empty`, and run the command again.",
      },
      error,
    );
  }
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    fail(
      {
        code: "state/not-writable",
        summary: "The state cannot be written",
        detail: `${errorText(error)}\nThe state as it was before in ${path} is intact.`,
        hint:
          code === "EROFS"
            ? "The file system is read-only: mount it writable, or move the lab's folder elsewhere and run `vmlab state adopt` there."
            : "Give your user the right to write there, or run vmlab as the user who owns the folder.",
      },
      error,
    );
  }
  throw error;
}

/** As {@link explainWriteError}, for reading. */
export function explainReadError(error: unknown): never {
  const code = systemErrorCode(error);
  if (code === "EACCES" || code === "EPERM") {
    fail(
      {
        code: "state/not-readable",
        summary: "The state cannot be read",
        detail: errorText(error),
        hint: "Run vmlab as the user who owns the lab's .vmlab folder; it is closed to others because it holds secrets.",
      },
      error,
    );
  }
  throw error;
}
