/** What doctor finds. */
export interface Finding {
  /** Stable; `host/kvm`, `lab/lock`, … */
  readonly check: string;
  readonly severity: "ok" | "warning" | "error";
  readonly summary: string;
  readonly detail?: string;
  /** What to do; present for all but `ok`. */
  readonly remedy?: string;
}

export function ok(check: string, summary: string, detail?: string): Finding {
  return { check, severity: "ok", summary, ...(detail === undefined ? {} : { detail }) };
}

export function trouble(
  severity: "warning" | "error",
  check: string,
  summary: string,
  more: { readonly detail?: string | undefined; readonly remedy: string },
): Finding {
  return {
    check,
    severity,
    summary,
    ...(more.detail === undefined ? {} : { detail: more.detail }),
    remedy: more.remedy,
  };
}
