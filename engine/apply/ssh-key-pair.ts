/** An ed25519 key pair in OpenSSH's formats (PROTOCOL.key of OpenSSH, RFC 4253 section 6.6, RFC 8709). */
import type { KeyObject } from "node:crypto";
import type { Effects } from "../effects.ts";

const TYPE = "ssh-ed25519";

export function sshKeyPair(
  pair: { readonly publicKey: KeyObject; readonly privateKey: KeyObject },
  random: Effects["random"],
): { readonly public: string; readonly private: string } {
  const publicBytes = Buffer.from(pair.publicKey.export({ format: "jwk" }).x ?? "", "base64url");
  const seed = Buffer.from(pair.privateKey.export({ format: "jwk" }).d ?? "", "base64url");
  const publicBlob = Buffer.concat([string(TYPE), string(publicBytes)]);
  const check = random.bytes(4);
  const inner = Buffer.concat([
    check,
    check,
    string(TYPE),
    string(publicBytes),
    string(Buffer.concat([seed, publicBytes])),
    string("vmlab"),
  ]);
  // Padding 1, 2, 3 … up to the block size of cipher "none", which is 8.
  const padding = Buffer.from(Array.from({ length: (8 - (inner.length % 8)) % 8 }, (_, index) => index + 1));
  const blob = Buffer.concat([
    Buffer.from("openssh-key-v1\0"),
    string("none"),
    string("none"),
    string(""),
    uint32(1),
    string(publicBlob),
    string(Buffer.concat([inner, padding])),
  ]);
  const lines = blob.toString("base64").match(/.{1,70}/g) ?? [];
  return {
    public: `${TYPE} ${publicBlob.toString("base64")} vmlab`,
    private: ["-----BEGIN OPENSSH PRIVATE KEY-----", ...lines, "-----END OPENSSH PRIVATE KEY-----", ""].join(
      "\n",
    ),
  };
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}
