import { expect, test } from "@jest/globals";
import { parsePlace } from "../../../../engine/operate/copy/place.ts";

const at = (text: string) => {
  const { at: where, path, name, mustBeFolder, ...rest } = parsePlace(text, "/home/ann");
  return [where, ...("vm" in rest ? [rest.vm] : []), path, name, ...(mustBeFolder ? ["folder"] : [])];
};

test.each([
  ["motd", ["host", "/home/ann/motd", "motd"]],
  ["/etc/motd", ["host", "/etc/motd", "motd"]],
  ["a b/", ["host", "/home/ann/a b", "a b", "folder"]],
  ["./a:b", ["host", "/home/ann/a:b", "a:b"]],
  ["dir/a:b", ["host", "/home/ann/dir/a:b", "a:b"]],
  [".", ["host", "/home/ann", undefined, "folder"]],
  ["site/.", ["host", "/home/ann/site", undefined, "folder"]],
  ["..", ["host", "/home", undefined, "folder"]],
  ["web:/tmp", ["guest", "web", "/tmp", "tmp"]],
  ["web:/tmp/", ["guest", "web", "/tmp", "tmp", "folder"]],
  ["web:", ["guest", "web", ".", undefined, "folder"]],
  ["web:~", ["guest", "web", ".", undefined, "folder"]],
  ["web:~/app", ["guest", "web", "app", "app"]],
  ["web:/", ["guest", "web", "/", undefined, "folder"]],
  ["web:-rf", ["guest", "web", "./-rf", "-rf"]],
  ["web:a:b", ["guest", "web", "a:b", "a:b"]],
  ["k8s-*:/etc//x/../hosts", ["guest", "k8s-*", "/etc/hosts", "hosts"]],
  ["vm.web:/var/log/.", ["guest", "vm.web", "/var/log", undefined, "folder"]],
])("%s", (text, place) => expect(at(text)).toEqual(place));
