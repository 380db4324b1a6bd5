/**
 * A `#cloud-config` file of the user's: reads it and says what is wrong with it, before a machine is made from it. What
 * reaches the guest is the file itself, byte for byte, which cloud-init merges (providers/qemu/seed.ts); here it is only
 * looked at, with the rules of YAML 1.1, as cloud-init does. Loaded only for labs that have one.
 */
import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument, type YAMLMap } from "yaml";
import type { Position, Problem } from "../diagnostics.ts";

export interface CloudConfig {
  /** Its top-level keys. */
  readonly keys: ReadonlySet<string>;
  readonly problems: readonly Problem[];
}

/** The login that vmlab makes and that has to keep working. `user` is undefined while it is not known. */
export interface ManagedLogin {
  readonly user: string | undefined;
  readonly password: boolean;
}

const HEADER = "#cloud-config";

/** Keys that vmlab's own part has to decide, with what to do instead. */
const OWN_KEYS: Readonly<Record<string, string>> = {
  ssh_keys: "vmlab makes the host keys, so that the first login can verify them.",
  ssh_deletekeys: "vmlab makes the host keys, so that the first login can verify them.",
  ssh_authorized_keys: "Keys of the login user are login.keys; give another user its own under users.",
  hostname: "The VM's name is its host name. A domain can be added with fqdn.",
  preserve_hostname: "The VM's name is its host name.",
  network: "cloud-init reads no network configuration from user-data.",
  power_state: "vmlab starts and stops the machine: see power.",
  merge_how: "vmlab appends lists and merges tables.",
  merge_type: "vmlab appends lists and merges tables.",
  cloud_init_modules: "A list of modules replaces the image's, which makes the login.",
  cloud_config_modules: "A list of modules replaces the image's, which makes the login.",
  cloud_final_modules: "A list of modules replaces the image's, which makes the login.",
};

/** Reads the text of `file` (as the user names it). */
export function readCloudConfig(file: string, text: string, login: ManagedLogin): CloudConfig {
  const [firstLine = ""] = text.split("\n", 1);
  if (!/^#cloud-config\s*$/.test(firstLine)) {
    const problem = {
      code: "config/cloud-config",
      summary: `${file} does not begin with ${HEADER}`,
      detail: "By its first line cloud-init tells what a file is; vmlab takes this kind only.",
      range: { file, start: { line: 1, column: 1 }, end: { line: 1, column: firstLine.length + 1 } },
      hint: `Make ${HEADER} its first line. What a script would do can stand in scripts or runcmd.`,
    };
    return { keys: new Set(), problems: [problem] };
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { version: "1.1", lineCounter: lines, prettyErrors: false });
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const place = ([start, end]: readonly [number, number, ...unknown[]]) => ({
    file,
    start: at(start),
    end: at(Math.max(end, start)),
  });
  // What follows the first error is mostly its consequence.
  const [error] = document.errors;
  if (error !== undefined) {
    const problem = {
      code: "config/cloud-config",
      summary: `${file} is not valid YAML: ${error.message}`,
      range: place(error.pos),
    };
    return { keys: new Set(), problems: [problem] };
  }
  const { contents } = document;
  if (contents === null) return { keys: new Set(), problems: [] };
  if (!isMap(contents)) {
    const problem = {
      code: "config/cloud-config",
      summary: `${file} holds no table of settings`,
      range: place(contents.range ?? [0, 0]),
      hint: "cloud-config is a table such as packages: [git].",
    };
    return { keys: new Set(), problems: [problem] };
  }
  const clashes = findClashes(contents, login);
  return {
    keys: new Set(contents.items.map(({ key }) => String(key))),
    problems: clashes.map(({ what, why, range }) => ({
      code: "config/cloud-config-clash",
      summary: `${file} sets ${what}, which vmlab decides`,
      detail: why,
      range: place(range),
      hint: "Take it out.",
    })),
  };
}

interface Clash {
  readonly what: string;
  readonly why: string;
  readonly range: readonly [number, number, number];
}

/** What of a file would break the login, the host keys or the name, or would be lost. */
function findClashes(settings: YAMLMap, { user, password }: ManagedLogin): Clash[] {
  const clashes: Clash[] = [];
  const clash = (node: unknown, what: string, why: string): void => {
    clashes.push({ what, why, range: (isNode(node) ? node.range : undefined) ?? [0, 0, 0] });
  };
  const items = (node: unknown): readonly unknown[] => (isSeq(node) ? node.items : []);
  /** The node that says a user's name. */
  const nameOf = (entry: unknown): unknown => (isMap(entry) ? entry.get("name", true) : entry);
  const isLogin = (name: unknown): boolean => user !== undefined && isScalar(name) && name.value === user;

  for (const { key } of settings.items) {
    const why = isScalar(key) ? OWN_KEYS[String(key.value)] : undefined;
    if (why !== undefined) clash(key, String(key), why);
  }
  const users = settings.get("users", true);
  if (users !== undefined && !isSeq(users)) {
    clash(users, "users as something other than a list", "Only a list can be joined with vmlab's own.");
  }
  for (const name of items(users).map(nameOf)) {
    if (isLogin(name)) clash(name, `the user ${user}`, "login says how this user logs in.");
  }
  const passwords = settings.get("chpasswd");
  if (isMap(passwords)) {
    for (const name of items(passwords.get("users")).map(nameOf))
      if (isLogin(name)) clash(name, `the password of ${user}`, "login.password is the place for it.");
    const list = passwords.get("list", true);
    const entries = isScalar(list) ? String(list.value).split("\n") : items(list).map(String);
    if (user !== undefined && entries.some((entry) => entry.trim().startsWith(`${user}:`)))
      clash(list, `the password of ${user}`, "login.password is the place for it.");
    const expire = passwords.get("expire", true);
    if (password && isScalar(expire) && expire.value === true)
      clash(expire, "chpasswd.expire", "It would also end login.password at the first login.");
  }
  const passwordLogins = settings.get("ssh_pwauth", true);
  if (password && isScalar(passwordLogins) && passwordLogins.value !== true)
    clash(passwordLogins, "ssh_pwauth", "login.password is set, so that SSH has to take passwords.");
  const rootLogins = settings.get("disable_root", true);
  if (user === "root" && isScalar(rootLogins) && rootLogins.value !== false)
    clash(rootLogins, "disable_root", "login.user is root.");
  return clashes.sort((a, b) => a.range[0] - b.range[0]);
}
