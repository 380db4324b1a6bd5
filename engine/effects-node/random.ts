import { randomBytes } from "node:crypto";
import type { Random } from "../effects.ts";

export const nodeRandom: Random = { bytes: (count) => randomBytes(count) };
