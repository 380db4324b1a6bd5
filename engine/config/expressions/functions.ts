/** Functions of expressions beyond CEL's own. docs/language.md lists all with examples, which are tested. */
import type { Environment, EvaluationError } from "@marcbachmann/cel-js";
import { errorText } from "../../diagnostics.ts";
import type { Json } from "../../json.ts";
import { sha256 } from "../../json.ts";
import { formatIpv4, parseIpv4Network } from "../ipv4.ts";
import { readingFile } from "./file-function.ts";
import { isUnknownValue } from "./unknown-value.ts";

/** Adds them to an environment. `toJson` turns a CEL value into JSON, or throws an Error that says why it is none. */
export function registerFunctions(
  environment: Environment,
  library: { readonly EvaluationError: typeof EvaluationError },
  toJson: (value: unknown) => Json,
): void {
  // biome-ignore lint/suspicious/noExplicitAny: the library calls with the types that the signature names
  const register = (signature: string, compute: (...values: any[]) => unknown): void => {
    environment.registerFunction(signature, (...values: unknown[]) => {
      try {
        return compute(...values);
      } catch (error) {
        if (isUnknownValue(error)) throw error;
        // The library adds the call's place to errors of its own.
        throw new library.EvaluationError(errorText(error));
      }
    });
  };
  register("string.replace(string, string): string", (text: string, from: string, to: string) =>
    text.replaceAll(from, () => to),
  );
  register("range(int): list<int>", (count: bigint) => {
    if (count > 100_000n) throw new Error("range() makes at most 100000 numbers");
    return Array.from({ length: Math.max(0, Number(count)) }, (_, index) => BigInt(index));
  });
  register("file(string): string", readingFile);
  register("sha256(string): string", (text: string) => sha256(text));
  register("base64(string): string", (text: string) => Buffer.from(text, "utf8").toString("base64"));
  register("base64decode(string): string", decoded);
  register("toJson(dyn): string", (value: unknown) => JSON.stringify(toJson(value)));
  register("cidrHost(string, int): string", cidrHost);
  register("cidrNetmask(string): string", cidrNetmask);
}

function decoded(text: string): string {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, ""))
    throw new Error("base64decode() takes base64");
  const result = bytes.toString("utf8");
  if (!Buffer.from(result, "utf8").equals(bytes)) throw new Error("what base64decode() finds is no text");
  return result;
}

/** The n-th address of a network, from 0, the network's own; negative numbers count from its end. */
function cidrHost(cidr: string, number: bigint): string {
  const network = networkOf("cidrHost", cidr);
  const address = Number(number) < 0 ? network.last + 1 + Number(number) : network.base + Number(number);
  if (address < network.base || address > network.last)
    throw new Error(`cidrHost(): ${cidr} has no address ${number}`);
  return formatIpv4(address);
}

function cidrNetmask(cidr: string): string {
  const { prefix } = networkOf("cidrNetmask", cidr);
  return formatIpv4(prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0);
}

function networkOf(name: string, cidr: string) {
  const network = parseIpv4Network(cidr);
  if (network === undefined) throw new Error(`${name}() takes a network such as "10.42.0.0/24"`);
  return network;
}
