import type { Command } from "commander";
import type { CommandContext } from "../context.ts";
import { copyOnce } from "../copy/copy-once.ts";
import { watchAndCopy } from "../copy/watch-and-copy.ts";
import { defineCommand } from "../define-command.ts";

export interface CopyOptions {
  readonly recursive?: boolean;
  readonly root?: boolean;
  readonly watch?: boolean;
  readonly delete?: boolean;
}

export function define(context: CommandContext): Command {
  return defineCommand(context, "cp", {
    summary: "Copy files into and out of VMs",
    description:
      "A place is a path of this host or VM:PATH, relative to the login user's home. As with cp, things go into a folder " +
      "that is there, and otherwise get the destination's name; DIR/. means what is in DIR. Modes are kept, links stay " +
      "links, and files belong to who logs in. A glob of VMs as destination copies to all of them at once; as source, " +
      "each VM's files go to a folder of its name. Of a guest only tar is asked.\n\n" +
      "--watch goes on until Ctrl-C: what is in the folder becomes what is in the destination, again after every change.",
    examples: [
      { command: "vmlab cp motd web:/tmp/", text: "a file into a VM" },
      { command: "vmlab cp -r site 'web-*:/srv'", text: "a folder into several" },
      { command: "vmlab cp nginx.conf web:/etc/nginx/ --root", text: "where only root may write" },
      { command: "vmlab cp -r web:/var/log logs", text: "out of a VM" },
      { command: "vmlab cp 'k8s-*:/etc/hostname' names", text: "names/k8s-cp/hostname, …" },
      { command: "vmlab cp db:dump.sql web:", text: "from VM to VM" },
      { command: "vmlab cp --watch --delete src web:app", text: "keep a copy while you edit" },
    ],
    related: ["exec", "ssh"],
  })
    .argument("<places...>", "sources, and the destination last")
    .option("-r, --recursive", "copy folders with what is in them")
    .option("--root", "read and write as root in the guests")
    .option("-w, --watch", "go on copying what changes in a folder")
    .option("--delete", "with --watch: delete in the guest what was copied and is gone since")
    .action(async (places: string[], options: CopyOptions) => {
      context.exitCode = await (options.watch === true ? watchAndCopy : copyOnce)(context, places, options);
    });
}
