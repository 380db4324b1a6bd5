/** One concrete VM: what it was declared as, before its settings are evaluated. */
import type { JsonObject } from "../../json.ts";
import type { EnvironmentMember, Origin, Rolling, Scope } from "../types.ts";
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
}
