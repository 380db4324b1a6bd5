/** Public SSH keys as authorized_keys has them: `ssh-ed25519 AAAA… comment` (sshd(8), AUTHORIZED_KEYS FILE FORMAT). */

const KEY =
  /^(ssh-(ed25519|rsa|dss)|ecdsa-sha2-nistp(256|384|521)|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) AAAA[A-Za-z0-9+/]+=*( .*)?$/;

export function isPublicKey(text: string): boolean {
  return KEY.test(text) && !text.includes("\n");
}

/** True for the text of a private key in any of the usual formats. */
export function looksPrivate(text: string): boolean {
  return /-----BEGIN [A-Z ]*PRIVATE KEY-----|^PuTTY-User-Key-File/m.test(text);
}
