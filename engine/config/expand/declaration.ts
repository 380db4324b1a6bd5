/** One concrete VM: what it was declared as, before its settings are evaluated. */
import type { JsonObject } from "../../json.ts";
import type { CloneInputs, EnvironmentMember, Origin, Rolling, Scope } from "../types.ts";
import type { Layer } from "./layers.ts";

export interface VmDeclaration {
  readonly name: string;
  readonly layers: readonly Layer[];
  readonly settings: JsonObject;
  /** The table that declares it. */
  readonly origin: Origin;
  readonly scope: Scope;
  readonly member?: EnvironmentMember;
  readonly rolling?: Rolling;
  readonly clone?: DeclaredClone;
}

/** The VM that another one's disk begins with. */
export interface DeclaredClone {
  readonly inputs: CloneInputs;
  /** Of the clone, when it exists: from then on nothing is taken from the source. */
  readonly recorded?: JsonObject;
}
