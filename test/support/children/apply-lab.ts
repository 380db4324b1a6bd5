/** A vmlab that kills itself: `node apply-lab.mjs ROOT SCENARIO N` applies and dies right after the N-th durable effect. */

import { crashAfter } from "../effects.ts";
import { FakeLab } from "../fake-lab.ts";

const [root = "", scenario = "", at = "0"] = process.argv.slice(2);
const lab = FakeLab.open(root);
const effects = crashAfter(lab.effects(), Number(at));
await lab.apply(scenario === "destroy" ? { mode: "destroy" } : {}, {}, effects);
