/** What `roles/NAME/role.toml` says, ready to use: sizes are bytes. */

/** What a role asks of the host beyond CPUs, memory and disk. */
export type HostRequirement = "nested-virtualization";

export interface CatalogueRole {
  readonly name: string;
  /** Raised with every change of what it installs; pinned in vmlab.lock. */
  readonly version: number;
  /** One line for people. */
  readonly description: string;
  readonly requires: readonly HostRequirement[];
  readonly options: Readonly<Record<string, CatalogueOption>>;
  /** By distribution and release such as `debian-12`. */
  readonly on: Readonly<Record<string, CatalogueVariant>>;
}

export interface CatalogueOption {
  readonly description: string;
  readonly default: string;
  /** The only values that it takes. */
  readonly values?: readonly string[];
  /** What a value must match from beginning to end; a JavaScript regular expression without anchors. */
  readonly pattern?: string;
  /** The only distributions on which it means something. Absent: all of the role's. */
  readonly only?: readonly string[];
}

/** How a role is made on one distribution. */
export interface CatalogueVariant {
  /** Packages installed first, with apt. */
  readonly packages: readonly string[];
  /** Scripts run as root in order after that: a file beside role.toml, or one of another role as `ROLE/FILE`. */
  readonly scripts: readonly string[];
  /** Shell commands that succeed as root in a VM booted from the finished image. */
  readonly verify: readonly string[];
  /** Least virtual size in bytes. */
  readonly disk: number;
  /** Bytes of memory for the build. */
  readonly memory: number;
  /** What this variant cannot do, for people. */
  readonly note?: string;
}
