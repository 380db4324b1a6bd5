/** Looks at the files that a lab's resources name: hashes of steps, texts of public keys, existence of images. */
import { basename, isAbsolute, join } from "node:path";
import { type Diagnostic, problem, systemErrorCode } from "../diagnostics.ts";
import type { Effects } from "../effects.ts";
import { isPublicKey, looksPrivate } from "./authorized-key.ts";
import { type Finding, toDiagnostics } from "./findings.ts";
import { explainPathProblem, labRelative, staysInside } from "./lab-paths.ts";
import {
  type Expansion,
  type ImageInputs,
  isImageType,
  type Lab,
  type OrDeferred,
  type Origin,
  type ProvisionStep,
  type Resource,
  type SourceFile,
  type VmInputs,
} from "./types.ts";

export interface ResolvedFiles {
  /** The expansion with hashes and keys filled in. */
  readonly expansion: Expansion;
  /** Lab-relative path and SHA-256 of every file that was read, sorted by path. */
  readonly files: readonly SourceFile[];
  readonly diagnostics: readonly Diagnostic[];
}

export async function resolveFiles(
  effects: Pick<Effects, "files">,
  lab: Lab,
  expansion: Expansion,
): Promise<ResolvedFiles> {
  return await new FileResolver(effects.files, lab).resolve(expansion);
}

type FileResult =
  | { readonly sha256: string }
  | { readonly missing: "nothing" | "folder" | "linked-outside" | "unreadable" };

interface PlacedTable {
  readonly table: unknown;
  readonly origin: Origin;
}

class FileResolver {
  readonly #files: Effects["files"];
  readonly #lab: Lab;
  readonly #findings: Finding[] = [];
  /** Problems that have their place in a file of their own. */
  readonly #inFiles: Diagnostic[] = [];
  /** Each file is read once, however many VMs name it. */
  readonly #hashes = new Map<string, Promise<FileResult>>();
  readonly #keys = new Map<string, Promise<string | Omit<Finding, "origin">>>();
  readonly #used = new Map<string, string>();
  /** Resolved lists, so that VMs made from one declaration keep sharing them. */
  readonly #diagnosed = new Set<string>();

  constructor(files: Effects["files"], lab: Lab) {
    this.#files = files;
    this.#lab = lab;
  }

  async resolve(expansion: Expansion): Promise<ResolvedFiles> {
    const resources: Resource[] = [];
    for (const resource of expansion.resources) {
      // Most VMs of a big lab name no file: nothing to wait for, nothing to copy.
      if (isImageType(resource.type)) resources.push(await this.#resolveImage(resource));
      else if (resource.type === "vm" && namesFiles(resource.inputs as VmInputs))
        resources.push(await this.#resolveVm(resource));
      else resources.push(resource);
    }
    const files = [...this.#used]
      .map(([path, sha256]) => ({ path, sha256 }))
      .sort((a, b) => (a.path < b.path ? -1 : 1));
    const diagnostics = toDiagnostics(this.#findings, (origin, spot) => this.#lab.locate(origin, spot));
    return {
      expansion: { ...expansion, resources },
      files,
      diagnostics: [...diagnostics, ...this.#inFiles],
    };
  }

  async #resolveVm(resource: Resource): Promise<Resource> {
    const inputs = resource.inputs as VmInputs;
    const steps: ProvisionStep[] = [];
    for (const step of inputs.steps) steps.push(await this.#resolveStep(step, resource));
    const keys: OrDeferred<string>[] = [];
    for (const [index, key] of inputs.login.keys.entries())
      keys.push(await this.#resolveKey(key, resource, index));
    const { cloud_init } = inputs;
    const sha256 = cloud_init === undefined ? undefined : await this.#use(cloud_init.path, resource);
    if (cloud_init !== undefined && sha256 !== undefined)
      await this.#checkCloudConfig(cloud_init.path, inputs);
    return {
      ...resource,
      inputs: {
        ...inputs,
        steps,
        login: { ...inputs.login, keys },
        ...(cloud_init === undefined || sha256 === undefined
          ? {}
          : { cloud_init: { ...cloud_init, sha256 } }),
      },
    };
  }

  /** Each file is looked at once for each login that it is used with. */
  async #checkCloudConfig(path: string, { login }: VmInputs): Promise<void> {
    const user = typeof login.user === "string" ? login.user : undefined;
    const password = login.password !== undefined;
    const looked = `${path}\0${user}\0${password}`;
    if (this.#diagnosed.has(looked)) return;
    this.#diagnosed.add(looked);
    const { readCloudConfig } = await import("./cloud-config.ts");
    const text = await this.#files.readText(join(this.#lab.folder, path));
    const { problems } = readCloudConfig(path, text, { user, password });
    for (const found of problems) {
      const told = `${found.summary}\0${found.range?.start.line}`;
      if (!this.#diagnosed.has(told)) this.#inFiles.push(problem(found));
      this.#diagnosed.add(told);
    }
  }

  async #resolveImage(resource: Resource): Promise<Resource> {
    const inputs = resource.inputs as ImageInputs;
    await this.#checkImage(resource);
    const { build } = inputs;
    if (build === undefined) return resource;
    const steps: ProvisionStep[] = [];
    for (const step of build.steps) steps.push(await this.#resolveStep(step, resource));
    const { packer } = build;
    const sha256 = packer === undefined ? undefined : await this.#use(packer.path, resource);
    const template = packer === undefined || sha256 === undefined ? {} : { packer: { ...packer, sha256 } };
    return { ...resource, inputs: { ...inputs, build: { ...build, steps, ...template } } };
  }

  async #resolveStep(step: ProvisionStep, resource: Resource): Promise<ProvisionStep> {
    if (step.kind !== "script" && step.kind !== "file") return step;
    const path = step.kind === "script" ? step.path : step.from;
    const sha256 = path === undefined ? undefined : await this.#use(path, resource);
    return sha256 === undefined ? step : { ...step, sha256 };
  }

  /** The digest of a file that a resource names; undefined when a finding was made. */
  async #use(path: string, resource: Resource): Promise<string | undefined> {
    const result = await this.#hash(path);
    if ("sha256" in result) {
      this.#used.set(path, result.sha256);
      return result.sha256;
    }
    if (!this.#diagnosed.has(path)) {
      this.#diagnosed.add(path);
      this.#findings.push({
        ...missingFile(path, result.missing),
        origin: this.#placeOfPath(resource, path),
        address: resource.address,
      });
    }
    return undefined;
  }

  #hash(path: string): Promise<FileResult> {
    const known = this.#hashes.get(path);
    if (known !== undefined) return known;
    const result = this.#readHash(path);
    this.#hashes.set(path, result);
    return result;
  }

  async #readHash(path: string): Promise<FileResult> {
    const full = join(this.#lab.folder, path);
    try {
      const stat = await this.#files.stat(full);
      if (stat === undefined) return { missing: "nothing" };
      if (!(await staysInside(this.#files, this.#lab.folder, path))) return { missing: "linked-outside" };
      if (stat.kind !== "file") return { missing: "folder" };
      return { sha256: await this.#files.sha256(full) };
    } catch (error) {
      if (systemErrorCode(error) === undefined) throw error;
      return { missing: "unreadable" };
    }
  }

  async #checkImage(resource: Resource): Promise<void> {
    const { path } = resource.inputs as ImageInputs;
    if (path === undefined) return;
    const origin = { ...resource.origin, path: [...resource.origin.path, "path"] };
    const stat = await this.#files.stat(isAbsolute(path) ? path : join(this.#lab.folder, path));
    if (stat?.kind === "file") return;
    this.#findings.push({
      ...missingFile(path, stat === undefined ? "nothing" : "folder"),
      origin,
      address: resource.address,
    });
  }

  /** A key itself stays; the path of a `.pub` file becomes the key in it. */
  async #resolveKey(key: OrDeferred<string>, resource: Resource, index: number): Promise<OrDeferred<string>> {
    if (typeof key !== "string" || isPublicKey(key)) return key;
    const origin = this.#placeOfKey(resource, key, index);
    const cacheKey = `${origin.file}\0${key}`;
    const known = this.#keys.get(cacheKey) ?? this.#readKey(key, origin.file);
    this.#keys.set(cacheKey, known);
    const result = await known;
    if (typeof result === "string") return result;
    this.#findings.push({ ...result, origin, address: resource.address });
    return key;
  }

  async #readKey(key: string, file: string): Promise<string | Omit<Finding, "origin">> {
    if (looksPrivate(key)) return privateKey("login.keys holds a private key");
    if (!key.endsWith(".pub")) {
      return {
        code: "config/bad-key",
        summary: "login.keys takes public keys or paths of .pub files",
        hint: 'A public key is one line such as "ssh-ed25519 AAAA… name"; a path ends in .pub.',
      };
    }
    const target = labRelative(file, key);
    if ("problem" in target) {
      return {
        code: "config/path-outside",
        summary: `${key} is outside of the lab's folder`,
        ...explainPathProblem(target.problem),
      };
    }
    const result = await this.#hash(target.path);
    if (!("sha256" in result)) return missingFile(target.path, result.missing);
    this.#used.set(target.path, result.sha256);
    const text = (await this.#files.readText(join(this.#lab.folder, target.path))).trim();
    if (looksPrivate(text)) return privateKey(`${key} is a private key`);
    const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.startsWith("#"));
    const [line] = lines;
    if (line !== undefined && lines.length === 1 && isPublicKey(line.trim())) return line.trim();
    return {
      code: "config/bad-key",
      summary: `${key} does not hold one public key`,
      hint: "ssh-keygen writes such a file beside the private key, with the ending .pub.",
    };
  }

  /** A step does not remember its place: the first item of the lab's lists that names the file is shown. */
  #placeOfPath(resource: Resource, path: string): Origin {
    return this.#search(resource, (table, origin) => {
      const { cloud_init } = table;
      const target = typeof cloud_init === "string" ? labRelative(origin.file, cloud_init) : {};
      if ("path" in target && target.path === path)
        return { ...origin, path: [...origin.path, "cloud_init"] };
      for (const key of ["scripts", "files"]) {
        const list = Array.isArray(table[key]) ? (table[key] as unknown[]) : [];
        for (const [index, item] of list.entries()) {
          const written = typeof item === "string" ? item : (item as { from?: unknown } | null)?.from;
          if (typeof written !== "string") continue;
          const target = labRelative(origin.file, written);
          if ("path" in target && target.path === path) {
            return { ...origin, path: [...origin.path, key, index, ...(key === "files" ? ["from"] : [])] };
          }
        }
      }
      return undefined;
    });
  }

  #placeOfKey(resource: Resource, key: string, index: number): Origin {
    const found = this.#search(resource, (table, origin) => {
      const keys = (table.login as { keys?: unknown } | undefined)?.keys;
      const at = Array.isArray(keys) ? keys.indexOf(key) : -1;
      return at < 0 ? undefined : { ...origin, path: [...origin.path, "login", "keys", at] };
    });
    return found === resource.origin ? { ...found, path: [...found.path, "login", "keys", index] } : found;
  }

  /** The tables that may have given the resource its settings, its own first. */
  #search(
    resource: Resource,
    find: (table: Record<string, unknown>, origin: Origin) => Origin | undefined,
  ): Origin {
    const { document, origins, modules } = this.#lab;
    const own = resource.origin;
    const module =
      own.usedBy === undefined ? undefined : [...modules.values()].find(({ file }) => file === own.file);
    if (module !== undefined) {
      const names = Object.keys((module.document.templates ?? {}) as object);
      const paths = [own.path, ["defaults"], ...names.map((name) => ["templates", name])];
      return this.#firstOf(
        resource,
        paths.map((path) => ({ table: valueAt(module.document, path), origin: { ...own, path } })),
        find,
      );
    }
    const tables: PlacedTable[] = [{ table: valueAt(document, own.path), origin: own }];
    const environment = resource.environment?.environment;
    const place = environment === undefined ? undefined : origins.get(`environments.${environment}`);
    if (place !== undefined) {
      const origin = { ...place, path: [...place.path, "defaults"] };
      tables.push({ table: valueAt(document, origin.path), origin });
    }
    for (const group of ["templates", "roles"]) {
      for (const [name, table] of Object.entries((document[group] ?? {}) as object)) {
        const origin = origins.get(`${group}.${name}`);
        if (origin !== undefined) tables.push({ table, origin });
      }
    }
    return this.#firstOf(resource, tables, find);
  }

  #firstOf(
    resource: Resource,
    tables: readonly PlacedTable[],
    find: (table: Record<string, unknown>, origin: Origin) => Origin | undefined,
  ): Origin {
    for (const { table, origin } of tables) {
      const found =
        typeof table === "object" && table !== null
          ? find(table as Record<string, unknown>, origin)
          : undefined;
      if (found !== undefined) return found;
    }
    return resource.origin;
  }
}

function namesFiles({ steps, login, cloud_init }: VmInputs): boolean {
  return (
    cloud_init !== undefined ||
    login.keys.length > 0 ||
    steps.some((step) => step.kind === "script" || step.kind === "file")
  );
}

function valueAt(document: object, path: readonly (string | number)[]): unknown {
  let value: unknown = document;
  for (const key of path)
    value = typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return value;
}

function missingFile(path: string, why: "nothing" | "folder" | "linked-outside" | "unreadable"): Finding {
  switch (why) {
    case "nothing":
      return {
        code: "config/no-file",
        summary: `There is no file ${path}`,
        hint: isAbsolute(path)
          ? `Put it there, or write another path.`
          : `Paths are relative to the file that declares them: make ${basename(path)}, or correct the path.`,
      };
    case "folder":
      return { code: "config/no-file", summary: `${path} is not a file`, hint: "Name a file." };
    case "linked-outside":
      return {
        code: "config/path-outside",
        summary: `${path} is outside of the lab's folder`,
        ...explainPathProblem(why),
      };
    case "unreadable":
      return {
        code: "config/file-unreadable",
        summary: `${path} cannot be read`,
        hint: "Check its permissions.",
      };
  }
}

function privateKey(summary: string): Finding {
  return {
    code: "config/private-key",
    summary,
    detail: "A private key does not belong into a lab, and the guest does not need it.",
    hint: "Name the public key: the file with the ending .pub.",
  };
}
