/** Which tables a module has, by what its schema takes over from the lab's. */
import { moduleSchema } from "../schema.ts";

/** Their entries become entries of the lab's table of the same name. */
export const SHARED_TABLES = tablesFrom("lab.schema.json#/properties/").filter(
  (table) => table !== "outputs",
);

/** What makes a module an environment: an environment without a source has these itself. */
export const ENVIRONMENT_TABLES = tablesFrom("lab.schema.json#/definitions/Environment/properties/");

function tablesFrom(pointer: string): readonly string[] {
  return Object.entries(moduleSchema.properties ?? {}).flatMap(([table, { $ref }]) =>
    $ref === pointer + table ? [table] : [],
  );
}
