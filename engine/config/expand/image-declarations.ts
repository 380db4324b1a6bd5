/** Images and roles of a lab with their inputs, each worked out once, whatever stands on whatever. */
import { isJsonObject, type JsonObject } from "../../json.ts";
import type { Finding } from "../findings.ts";
import { nameHint } from "../nearest-name.ts";
import type { ImageInputs, Origin } from "../types.ts";
import type { Evaluator } from "./evaluator.ts";
import { normaliseBuild } from "./normalise-build.ts";
import { normaliseImage } from "./normalise-image.ts";

export interface ImageSurroundings {
  readonly document: JsonObject;
  readonly originOf: (table: string, name: string) => Origin;
  readonly evaluator: Evaluator;
  readonly findings: Finding[];
}

type Kind = "image" | "role";

const TABLES: Readonly<Record<Kind, "images" | "roles">> = { image: "images", role: "roles" };

export class ImageDeclarations {
  readonly #around: ImageSurroundings;
  readonly #tables: Readonly<Record<Kind, JsonObject>>;
  readonly #inputs = new Map<string, ImageInputs | undefined>();
  /** Addresses whose inputs are being worked out: a second visit is a ring. */
  readonly #visiting: string[] = [];

  constructor(around: ImageSurroundings) {
    this.#around = around;
    const tableOf = (name: string) => (isJsonObject(around.document[name]) ? around.document[name] : {});
    this.#tables = { image: tableOf("images"), role: tableOf("roles") };
  }

  names(kind: Kind): readonly string[] {
    return Object.keys(this.#tables[kind]);
  }

  /** Every image, then every role, in the order of declaration. */
  addresses(): readonly string[] {
    return [
      ...this.names("image").map((name) => `image.${name}`),
      ...this.names("role").map((name) => `role.${name}`),
    ];
  }

  originOf(address: string): Origin {
    const { kind, name } = parts(address);
    return this.#around.originOf(TABLES[kind], name);
  }

  /** Undefined when there is none, or when a finding was made about it. */
  inputs(address: string): ImageInputs | undefined {
    if (this.#inputs.has(address)) return this.#inputs.get(address);
    const { kind, name } = parts(address);
    const table = Object.hasOwn(this.#tables[kind], name) ? this.#tables[kind][name] : undefined;
    if (!isJsonObject(table)) return undefined;
    if (this.#visiting.includes(address)) return this.#ring(address);
    this.#visiting.push(address);
    const inputs = this.#normalise(address, kind, name, table);
    this.#visiting.pop();
    if (!this.#inputs.has(address)) this.#inputs.set(address, inputs);
    return this.#inputs.get(address);
  }

  /**
   * What `image`, `role` or `extends` names; makes a finding, and answers undefined, when there is no such thing.
   * `place` is asked for only then. An image that is wrong itself is undefined without a further finding.
   */
  named(
    kind: Kind,
    name: string,
    place: () => Origin,
    address?: string,
  ): { address: string; inputs: ImageInputs } | undefined {
    if (!Object.hasOwn(this.#tables[kind], name)) {
      this.#around.findings.push(this.#unknown(kind, name, place(), address));
      return undefined;
    }
    const found = `${kind}.${name}`;
    const inputs = this.inputs(found);
    return inputs === undefined ? undefined : { address: found, inputs };
  }

  #normalise(address: string, kind: Kind, name: string, table: JsonObject): ImageInputs | undefined {
    const origin = this.originOf(address);
    const { evaluator, findings } = this.#around;
    if (kind === "image" && table.image === undefined && table.role === undefined)
      return normaliseImage(name, table, origin, evaluator, findings);
    const parent =
      kind === "role"
        ? this.#parentOfRole(address, table, origin)
        : this.#parentOfImage(address, table, origin);
    return parent === undefined
      ? undefined
      : normaliseBuild({ address, table, origin, parent }, { evaluator, findings });
  }

  #parentOfRole(address: string, table: JsonObject, origin: Origin) {
    const at = (key: string): Origin => ({ ...origin, path: [...origin.path, key] });
    if (table.extends !== undefined && table.image !== undefined)
      return this.#twoParents(address, origin, "extends", "image");
    if (typeof table.extends === "string")
      return this.named("role", table.extends, () => at("extends"), address);
    if (typeof table.image === "string") return this.named("image", table.image, () => at("image"), address);
    const { lab } = this.#around.document;
    const usual = isJsonObject(lab) ? lab.image : undefined;
    if (typeof usual === "string")
      return this.named("image", usual, () => this.#around.originOf("lab", "image"));
    this.#around.findings.push({
      code: "config/no-image",
      summary: `${address} does not say which image it stands on`,
      origin,
      spot: { part: "key" },
      address,
      hint: 'Add image = "NAME" or extends = "ROLE" to it, or an image to [lab] for all roles and VMs.',
    });
    return undefined;
  }

  #parentOfImage(address: string, table: JsonObject, origin: Origin) {
    const at = (key: string): Origin => ({ ...origin, path: [...origin.path, key] });
    const sources = ["url", "path", "bootstrap", "digest"].filter((key) => table[key] !== undefined);
    const own = table.image === undefined ? "role" : "image";
    const other = sources[0] ?? (table.image !== undefined && table.role !== undefined ? "role" : undefined);
    if (other !== undefined) return this.#twoParents(address, origin, own, other);
    const name = String(table[own]);
    return this.named(own, name, () => at(own), address);
  }

  #twoParents(address: string, origin: Origin, one: string, other: string): undefined {
    const at = (key: string): Origin => ({ ...origin, path: [...origin.path, key] });
    this.#around.findings.push({
      code: "config/image-sources",
      summary: `${address} comes from ${one} and ${other}`,
      detail: "An image has exactly one source.",
      origin: at(other),
      spot: { part: "key" },
      related: [{ message: "the other source", origin: at(one), spot: { part: "key" } }],
      address,
      hint: "Keep one of them.",
    });
    return undefined;
  }

  #ring(address: string): undefined {
    const ring = [...this.#visiting.slice(this.#visiting.indexOf(address)), address];
    for (const member of ring) this.#inputs.set(member, undefined);
    this.#around.findings.push({
      code: "config/image-cycle",
      summary: `${address} is built on itself`,
      detail: ring.join(" → "),
      origin: this.originOf(address),
      spot: { part: "key" },
      address,
      hint: "One of these must stand on a base image.",
    });
    return undefined;
  }

  #unknown(kind: Kind, name: string, origin: Origin, address?: string): Finding {
    const other: Kind = kind === "image" ? "role" : "image";
    const names = this.names(kind);
    const hint = Object.hasOwn(this.#tables[other], name)
      ? `There is a ${other} of that name: write ${other} = "${name}".`
      : nameHint(name, names, `${kind}s`);
    return {
      code: "config/unknown-reference",
      summary: `There is no ${kind} "${name}"`,
      origin,
      // Many VMs may stand on one wrong name: the place tells enough.
      ...(address === undefined ? {} : { address }),
      ...(hint === undefined ? {} : { hint }),
    };
  }
}

function parts(address: string): { kind: Kind; name: string } {
  const dot = address.indexOf(".");
  return { kind: address.slice(0, dot) === "role" ? "role" : "image", name: address.slice(dot + 1) };
}
