/** Checks the document of a module against its schema; loaded only for labs that use one. */
import { validate } from "../../../generated/validate-module.js";
import type { JsonObject } from "../../json.ts";
import { moduleSchema } from "../schema.ts";
import { findingsOf, type SchemaFinding } from "../validate.ts";

/** Every mistake in a module, in no particular order. */
export function validateModule(document: JsonObject): SchemaFinding[] {
  return validate(document) ? [] : findingsOf(document, validate.errors ?? [], moduleSchema);
}
