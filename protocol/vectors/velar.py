"""Addresses, sealing and opening, a second time: after SPEC.md §4.1 and spec/sealing.md, in Python's standard library alone.
Access tokens: SPEC.md §4.12.

For checking vectors. Slow, and not in constant time: never for real keys.
"""

import base64
import hashlib
import hmac
import ipaddress
import re
import struct

# --- X25519 (RFC 7748) and Ed25519 (RFC 8032) ---------------------------------------------------------

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
SQRT_M1 = pow(2, (P - 1) // 4, P)


def x25519(scalar, point=b"\x09" + bytes(31)):
    k = bytearray(scalar)
    k[0] &= 248
    k[31] = k[31] & 127 | 64
    k = int.from_bytes(k, "little")
    x1 = int.from_bytes(point, "little") % 2**255 % P
    x2, z2, x3, z3 = 1, 0, x1, 1
    for t in reversed(range(255)):
        bit = k >> t & 1
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a % P, b * b % P, d * a % P, c * b % P
        e = aa - bb
        x3, z3 = (da + cb) ** 2 % P, x1 * (da - cb) ** 2 % P
        x2, z2 = aa * bb % P, e * (aa + 121665 * e) % P
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, P - 2, P) % P).to_bytes(32, "little")


def dh(scalar, point):
    shared = x25519(scalar, point)
    if shared == bytes(32):
        raise ValueError("low-order key")
    return shared


def usable_x25519(key):
    return int.from_bytes(key, "little") < P and x25519(b"\x01" * 32, key) != bytes(32)


def add(p, q):
    (x1, y1, z1, t1), (x2, y2, z2, t2) = p, q
    a, b = (y1 - x1) * (y2 - x2), (y1 + x1) * (y2 + x2)
    c, d = 2 * D * t1 * t2, 2 * z1 * z2
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def multiply(k, p):
    result = (0, 1, 1, 0)
    while k:
        if k & 1:
            result = add(result, p)
        p, k = add(p, p), k >> 1
    return result


def decompress(key):
    n = int.from_bytes(key, "little")
    y, sign = n % 2**255, n >> 255
    if y >= P:
        raise ValueError("non-canonical point")
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * SQRT_M1 % P
    if v * x * x % P != u or (x == 0 and sign):
        raise ValueError("not a point")
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def compress(p):
    x, y, z, _ = p
    inverse = pow(z, P - 2, P)
    return (y * inverse % P | (x * inverse % P & 1) << 255).to_bytes(32, "little")


NEUTRAL = 0, 1, 1, 0
BASE = decompress((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))


def ed25519_expand(seed):
    h = bytearray(hashlib.sha512(seed).digest())
    h[0] &= 248
    h[31] = h[31] & 127 | 64
    return int.from_bytes(h[:32], "little"), bytes(h[32:])


def ed25519_public(seed):
    return compress(multiply(ed25519_expand(seed)[0], BASE))


def sha512_mod_l(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % L


def ed25519_sign(seed, message):
    a, prefix = ed25519_expand(seed)
    r = sha512_mod_l(prefix, message)
    point = compress(multiply(r, BASE))
    s = (r + sha512_mod_l(point, ed25519_public(seed), message) * a) % L
    return point + s.to_bytes(32, "little")


def is_small(point):
    return compress(multiply(8, point)) == compress(NEUTRAL)


def ed25519_verifies(public, message, signature):
    """Strictly: spec/sealing.md section 1."""
    point, s = signature[:32], int.from_bytes(signature[32:], "little")
    try:
        a, r = decompress(public), decompress(point)
    except ValueError:
        return False
    right = add(r, multiply(sha512_mod_l(point, public, message), a))
    return s < L and not is_small(a) and not is_small(r) and compress(multiply(s, BASE)) == compress(right)


def usable_ed25519(key):
    try:
        point = decompress(key)
    except ValueError:
        return False
    return not is_small(point) and compress(multiply(L, point)) == compress(NEUTRAL)


# --- ML-KEM-768 (FIPS 203) ----------------------------------------------------------------------------

Q = 3329


def bit_reversed(n):
    return int(f"{n:07b}"[::-1], 2)


ZETAS = [pow(17, bit_reversed(i), Q) for i in range(128)]
GAMMAS = [pow(17, 2 * bit_reversed(i) + 1, Q) for i in range(128)]


def ntt(f):
    f, i, length = list(f), 1, 128
    while length >= 2:
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                t = ZETAS[i] * f[j + length] % Q
                f[j + length], f[j] = (f[j] - t) % Q, (f[j] + t) % Q
            i += 1
        length //= 2
    return f


def inverse_ntt(f):
    f, i, length = list(f), 127, 2
    while length <= 128:
        for start in range(0, 256, 2 * length):
            for j in range(start, start + length):
                t = f[j]
                f[j] = (t + f[j + length]) % Q
                f[j + length] = ZETAS[i] * (f[j + length] - t) % Q
            i -= 1
        length *= 2
    return [x * 3303 % Q for x in f]


def product(f, g):
    h = []
    for i, gamma in enumerate(GAMMAS):
        a0, a1, b0, b1 = f[2 * i], f[2 * i + 1], g[2 * i], g[2 * i + 1]
        h += [(a0 * b0 + a1 * b1 * gamma) % Q, (a0 * b1 + a1 * b0) % Q]
    return h


def plus(*polynomials):
    return [sum(column) % Q for column in zip(*polynomials)]


def minus(f, g):
    return [(a - b) % Q for a, b in zip(f, g)]


def inner(v, w):
    return plus(*(product(a, b) for a, b in zip(v, w)))


def pack(f, d):
    n = sum(x << (i * d) for i, x in enumerate(f))
    return n.to_bytes(32 * d, "little")


def unpack(data, d):
    n = int.from_bytes(data, "little")
    return [n >> (i * d) & (1 << d) - 1 for i in range(256)]


def shrink(f, d):
    return [((x << d) + Q // 2) // Q % (1 << d) for x in f]


def grow(f, d):
    return [(x * Q + (1 << d - 1)) >> d for x in f]


def sample_ntt(seed):
    stream, out, i = hashlib.shake_128(seed).digest(4096), [], 0
    while len(out) < 256:
        a, b, c = stream[i : i + 3]
        out += [d for d in (a | (b & 15) << 8, b >> 4 | c << 4) if d < Q]
        i += 3
    return out[:256]


def sample_cbd(seed, n):
    bits = unpack(hashlib.shake_256(seed + bytes([n])).digest(128), 4)
    return [((x & 1) + (x >> 1 & 1) - (x >> 2 & 1) - (x >> 3)) % Q for x in bits]


def g(data):
    h = hashlib.sha3_512(data).digest()
    return h[:32], h[32:]


def matrix(rho):
    return [[sample_ntt(rho + bytes([j, i])) for j in range(3)] for i in range(3)]


def kem_keys(d):
    """The encapsulation key (1184 bytes) and the secret vector, from d."""
    rho, sigma = g(d + b"\x03")
    a = matrix(rho)
    s = [ntt(sample_cbd(sigma, n)) for n in range(3)]
    e = [ntt(sample_cbd(sigma, n + 3)) for n in range(3)]
    t = [plus(inner(a[i], s), e[i]) for i in range(3)]
    return b"".join(pack(f, 12) for f in t) + rho, s


def kem_encrypt(ek, m, r):
    t = [unpack(ek[384 * i : 384 * (i + 1)], 12) for i in range(3)]
    if any(x >= Q for f in t for x in f):
        raise ValueError("encapsulation key out of range")
    a = matrix(ek[1152:])
    y = [ntt(sample_cbd(r, n)) for n in range(3)]
    e1 = [sample_cbd(r, n + 3) for n in range(3)]
    u = [plus(inverse_ntt(inner([a[j][i] for j in range(3)], y)), e1[i]) for i in range(3)]
    mu = grow(unpack(m, 1), 1)
    v = plus(inverse_ntt(inner(t, y)), sample_cbd(r, 6), mu)
    return b"".join(pack(shrink(f, 10), 10) for f in u) + pack(shrink(v, 4), 4)


def kem_encapsulate(ek, m):
    secret, r = g(m + hashlib.sha3_256(ek).digest())
    return kem_encrypt(ek, m, r), secret


def kem_decapsulate(seed, ciphertext):
    d, z = seed[:32], seed[32:]
    ek, s = kem_keys(d)
    u = [ntt(grow(unpack(ciphertext[320 * i : 320 * (i + 1)], 10), 10)) for i in range(3)]
    v = grow(unpack(ciphertext[960:], 4), 4)
    m = pack(shrink(minus(v, inverse_ntt(inner(s, u))), 1), 1)
    secret, r = g(m + hashlib.sha3_256(ek).digest())
    if kem_encrypt(ek, m, r) != ciphertext:
        return hashlib.shake_256(z + ciphertext).digest(32)
    return secret


# --- ChaCha20-Poly1305 (RFC 8439) ---------------------------------------------------------------------


def chacha20(key, counter, nonce):
    start = struct.unpack("<16I", b"expand 32-byte k" + key + struct.pack("<I", counter) + nonce)
    s = list(start)

    def quarter(a, b, c, d):
        for x, y, z, n in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
            s[x] = (s[x] + s[y]) & 0xFFFFFFFF
            w = s[z] ^ s[x]
            s[z] = (w << n | w >> (32 - n)) & 0xFFFFFFFF

    for _ in range(10):
        for i in range(4):
            quarter(i, i + 4, i + 8, i + 12)
        for i in range(4):
            quarter(i, (i + 1) % 4 + 4, (i + 2) % 4 + 8, (i + 3) % 4 + 12)
    return struct.pack("<16I", *((a + b) & 0xFFFFFFFF for a, b in zip(s, start)))


def chacha20_xor(key, nonce, text):
    out = bytearray()
    for i in range(0, len(text), 64):
        block = chacha20(key, 1 + i // 64, nonce)
        out += bytes(a ^ b for a, b in zip(text[i : i + 64], block))
    return bytes(out)


def poly1305(key, nonce, ad, ciphertext):
    one_time = chacha20(key, 0, nonce)
    r = int.from_bytes(one_time[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    padded = ad + bytes(-len(ad) % 16) + ciphertext + bytes(-len(ciphertext) % 16)
    padded += struct.pack("<QQ", len(ad), len(ciphertext))
    n = 0
    for i in range(0, len(padded), 16):
        n = (n + int.from_bytes(padded[i : i + 16] + b"\x01", "little")) * r % (2**130 - 5)
    return ((n + int.from_bytes(one_time[16:32], "little")) % 2**128).to_bytes(16, "little")


def encrypt(key, nonce, ad, text):
    ciphertext = chacha20_xor(key, nonce, text)
    return ciphertext + poly1305(key, nonce, ad, ciphertext)


def decrypt(key, nonce, ad, ciphertext):
    ciphertext, tag = ciphertext[:-16], ciphertext[-16:]
    if not hmac.compare_digest(tag, poly1305(key, nonce, ad, ciphertext)):
        raise ValueError("does not decrypt")
    return chacha20_xor(key, nonce, ciphertext)


# --- Hashes and Noise_Xpsk0_25519_ChaChaPoly_BLAKE2s --------------------------------------------------


def blake2s(data):
    return hashlib.blake2s(data).digest()


def encoded(label, *parts):
    data = bytes([len(label)]) + label
    return data + b"".join(struct.pack("<I", len(part)) + part for part in parts)


def labelled(label, *parts):
    return blake2s(encoded(label, *parts))


def keyed(key, label, *parts):
    return hmac.new(key, encoded(label, *parts), hashlib.sha256).digest()


def mac(key, data):
    return hmac.new(key, data, hashlib.blake2s).digest()


def hkdf(secret, info, length):
    prk, out, block = mac(bytes(32), secret), b"", b""
    while len(out) < length:
        block = mac(prk, block + info + bytes([len(out) // 32 + 1]))
        out += block
    return out[:length]


class Noise:
    """The one-message handshake X with psk0."""

    NAME = b"Noise_Xpsk0_25519_ChaChaPoly_BLAKE2s"

    def __init__(self, prologue, responder):
        self.h = self.ck = blake2s(self.NAME)
        self.key = None
        self.mix_hash(prologue)
        self.mix_hash(responder)

    def mix_hash(self, data):
        self.h = blake2s(self.h + data)

    def derive(self, data, count):
        temp, out, block = mac(self.ck, data), [], b""
        for i in range(count):
            block = mac(temp, block + bytes([i + 1]))
            out.append(block)
        self.n = 0
        self.ck, self.key = out[0], out[-1]
        return out

    def mix_psk(self, psk):
        self.mix_hash(self.derive(psk, 3)[1])

    def mix_ephemeral(self, public):
        self.mix_hash(public)
        self.derive(public, 2)

    def nonce(self):
        self.n += 1
        return struct.pack("<IQ", 0, self.n - 1)

    def encrypt_and_hash(self, text):
        ciphertext = encrypt(self.key, self.nonce(), self.h, text)
        self.mix_hash(ciphertext)
        return ciphertext

    def decrypt_and_hash(self, ciphertext):
        text = decrypt(self.key, self.nonce(), self.h, ciphertext)
        self.mix_hash(ciphertext)
        return text


def noise_write(static, ephemeral, responder, psk, prologue, text):
    state, e = Noise(prologue, responder), x25519(ephemeral)
    state.mix_psk(psk)
    state.mix_ephemeral(e)
    state.derive(dh(ephemeral, responder), 2)
    s = state.encrypt_and_hash(x25519(static))
    state.derive(dh(static, responder), 2)
    return e + s + state.encrypt_and_hash(text)


def noise_read(static, psk, prologue, message):
    state, e = Noise(prologue, x25519(static)), message[:32]
    state.mix_psk(psk)
    state.mix_ephemeral(e)
    state.derive(dh(static, e), 2)
    sender = state.decrypt_and_hash(message[32:80])
    state.derive(dh(static, sender), 2)
    return sender, state.decrypt_and_hash(message[80:])


# --- Sealing (spec/sealing.md) ------------------------------------------------------------------------


def identity(seed):
    return ed25519_public(seed[:32]), x25519(seed[32:])


def member(ed, x):
    return labelled(b"velar/1 member", ed, x)


def sign(seed, label, *parts):
    return ed25519_sign(seed[:32], labelled(label, *parts))


def prekey_keys(seed):
    return x25519(seed[:32]), kem_keys(seed[32:64])[0]


def prekey_digest(x, ek):
    return labelled(b"velar/1 prekey", x, ek)


def issue(seed, owner_seed, circle, day, label=b"velar/1 prekey signature"):
    x, ek = prekey_keys(seed)
    day = struct.pack("<I", day)
    ek_digest = labelled(b"velar/1 encapsulation key", ek)
    return x + ek + day + sign(owner_seed, label, circle, day, x, ek_digest)


def header_of(prekey_id, ciphertext):
    return b"\x01" + labelled(b"velar/1 hint", prekey_id, ciphertext)[:16] + ciphertext


def info_of(circle, recipient, digest):
    return b"velar/1 seal" + circle + recipient[0] + recipient[1] + digest


def psk_of(kem_secret, info, ciphertext):
    return hkdf(kem_secret, info + labelled(b"velar/1 kem ciphertext", ciphertext), 32)


def seal(sender_seed, recipient, circle, x, ek, kem_random, ephemeral, plaintext):
    ciphertext, kem_secret = kem_encapsulate(ek, kem_random)
    digest = prekey_digest(x, ek)
    header, info = header_of(digest[:16], ciphertext), info_of(circle, recipient, digest)
    psk = psk_of(kem_secret, info, ciphertext)
    return header + noise_write(sender_seed[32:], ephemeral, x, psk, info + header, plaintext)


def open_envelope(recipient, circle, prekey_seed, envelope):
    if len(envelope) != 4096 or envelope[0] != 1:
        raise ValueError("not an envelope of version 1")
    header, ciphertext = envelope[:1105], envelope[17:1105]
    digest = prekey_digest(*prekey_keys(prekey_seed))
    if header != header_of(digest[:16], ciphertext):
        raise ValueError("sealed to another prekey")
    info = info_of(circle, recipient, digest)
    psk = psk_of(kem_decapsulate(prekey_seed[32:], ciphertext), info, ciphertext)
    sender, plaintext = noise_read(prekey_seed[:32], psk, info + header, envelope[1105:])
    if not usable_x25519(sender):
        raise ValueError("unusable sender")
    return sender, plaintext


FIXED = struct.Struct("<32sQ32s16s16sQBBBBH")


def encode_part(fields, index, count, body, prekeys):
    """`fields` = sender, roster number, roster hash, voice, message, sequence, prekeys held."""
    *first, held = fields
    data = FIXED.pack(*first, index, count, held, len(prekeys), len(body))
    data += b"".join(prekeys) + body
    if len(data) > 2895:
        raise ValueError("too long")
    return data + bytes(2895 - len(data))


def decode_part(data):
    *fields, index, count, held, prekeys, length = FIXED.unpack_from(data)
    start = FIXED.size + 1284 * prekeys
    if not index < count <= 64 or prekeys > 2 or start + length > 2895:
        raise ValueError("count or length out of bounds")
    if any(data[start + length :]):
        raise ValueError("padding")
    carried = [data[FIXED.size + 1284 * i :][:1284] for i in range(prekeys)]
    for cut in (slice(0, 32), slice(32, 1216)):
        if len({prekey[cut] for prekey in carried}) < len(carried):
            raise ValueError("a prekey twice")
    return fields + [held], index, count, data[start : start + length], carried


def split(body, prekeys):
    """The pieces of a message: (body, prekeys) of each part."""
    parts = max(1, -(-(len(body) + 1284 * len(prekeys)) // 2777), -(-len(prekeys) // 2))
    carried = [prekeys[i::parts] for i in range(parts)]
    pieces = []
    for keys in carried:
        capacity = 2777 - 1284 * len(keys)
        pieces.append((body[:capacity], keys))
        body = body[capacity:]
    return pieces


# --- Addresses and links (SPEC.md section 4.1, spec/circles.md section 5) ---------------------------------

PLACE = re.compile(r"(?:\[([0-9a-f:]+)\]|([a-z0-9.-]+)):([1-9][0-9]{0,4})", re.ASCII)
LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)", re.ASCII)
KEY = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", re.ASCII)


def key(text):
    if not KEY.fullmatch(text):
        raise ValueError("not 32 bytes of base64url")
    return base64.urlsafe_b64decode(text + "=")


def place(text):
    parts = PLACE.fullmatch(text)
    if not parts or int(parts[3]) > 65535:
        raise ValueError("not host:port")
    if parts[1]:
        ip = ipaddress.IPv6Address(parts[1])
        if ip.ipv4_mapped or str(ip) != parts[1]:
            raise ValueError("not the one form of an IPv6 address")
        return parts[1], int(parts[3])
    name = parts[2]
    if name.rsplit(".", 1)[-1].isdigit():
        if str(ipaddress.IPv4Address(name)) != name:
            raise ValueError("not the one form of an IPv4 address")
    elif len(name) > 253 or not all(map(LABEL.fullmatch, name.split("."))):
        raise ValueError("not a name")
    return name, int(parts[3])


def address(text, scheme="velar://"):
    """The places and pins of an address as it is written."""
    if len(text) > 400 or not text.startswith(scheme):
        raise ValueError("not an address")
    places, hash_, pins = text[len(scheme) :].partition("#")
    places, pins = [place(one) for one in places.split(",")], [key(one) for one in pins.split(",")]
    if not hash_ or len(places) > 4 or len(pins) > 2 or len(set(places)) < len(places):
        raise ValueError("not an address")
    return places, pins


def typed(text):
    """What is written, of what a person typed."""
    before, hash_, rest = text.strip().partition("#")
    return re.sub("[A-Z]", lambda letter: letter[0].lower(), before) + hash_ + rest


def link(text):
    """The places, pins and seed of an invitation's link as it is written."""
    where, mark, seed = text.rpartition("!")
    if not mark or not where.startswith("velar-join://"):
        raise ValueError("not a link")
    return *address("velar://" + where[len("velar-join://") :]), key(seed)


# --- Access tokens (SPEC.md §4.12) --------------------------------------------------------------------

ACCESS = {"velar-access-": 32, "velar-once-": 56, "velar-again-": 32}


def access_text(prefix, body):
    return prefix + base64.urlsafe_b64encode(b"\x01" + body).decode().rstrip("=")


def child_text(key, expiry, nonce):
    expiry = struct.pack("<Q", expiry)
    return access_text("velar-once-", expiry + nonce + keyed(key, b"velar/1 access child", expiry, nonce))


def reopening_text(key, mailbox):
    return access_text("velar-again-", keyed(key, b"velar/1 access reopening", mailbox))


def spent(nonce):
    return labelled(b"velar/1 access spent", nonce)[:16]


def read_access(text):
    """Prefix and body of one of the three texts."""
    for prefix, length in ACCESS.items():
        if text.startswith(prefix):
            rest = text[len(prefix) :]
            data = base64.b64decode(rest + "=" * (-len(rest) % 4), b"-_", validate=True)
            if data[:1] == b"\x01" and len(data) == 1 + length and access_text(prefix, data[1:]) == text:
                return prefix, data[1:]
    raise ValueError("no access token, child or reopening text")


def is_of(text, key, mailbox):
    prefix, body = read_access(text)
    if prefix == "velar-access-":
        return body == key
    if prefix == "velar-again-":
        return text == reopening_text(key, mailbox)
    return text == child_text(key, *struct.unpack("<Q", body[:8]), body[8:24])
