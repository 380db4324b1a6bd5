/** Thrown by a value that is not known yet when an expression reads it; passes through the CEL library. */
export class UnknownValue extends Error {
  override readonly name = "UnknownValue";
  /** The resource that will tell: `vm.web`, `secret.token`. */
  readonly address: string;

  constructor(address: string) {
    super(`not known yet: ${address}`);
    this.address = address;
  }
}

/** Works across realms and bundles, where `instanceof` does not. */
export function isUnknownValue(error: unknown): error is UnknownValue {
  return typeof error === "object" && error !== null && (error as { name?: unknown }).name === "UnknownValue";
}
