"""What a joining says (spec/circles.md), read a second time: decoding, signatures, commitment, words.

For checking vectors, as velar.py beside it.
"""

import unicodedata

import velar

# Unicode property White_Space; Python's isspace() has others too.
SPACES = {*map(chr, range(9, 14)), *" \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000", *map(chr, range(0x2000, 0x200B))}
INVISIBLE = {*map(chr, (0xAD, 0x61C, 0x180E, 0x200B, 0x200E, 0x200F, 0xFEFF, *range(0x2028, 0x202F), *range(0x2060, 0x2070)))}
PLAIN = str.maketrans("áéíóúüñ", "aeiouun", "".join(map(chr, range(0x300, 0x370))))
NONE = bytes(32)
ROSTER_SIGNATURE = b"velar/1 roster signature"
CARD = b"velar/1 card"
ONE_TIME = b"velar/1 prekey signature"
LAST_RESORT = b"velar/1 last-resort prekey signature"
LANGUAGES = ["es", "en"]


class Reader:
    """Values of SPEC.md section 3.1, from the front."""

    def __init__(self, data):
        self.data = data

    def take(self, length):
        if length > len(self.data):
            raise ValueError("cut")
        taken, self.data = self.data[:length], self.data[length:]
        return taken

    def int(self, bits=64):
        first = self.take(1)[0]
        if first < 251:
            return first
        width = {251: 2, 252: 4, 253: 8}.get(first, 0)
        if not width or width * 8 > bits:
            raise ValueError("no integer of this width")
        return int.from_bytes(self.take(width), "little")

    def blob(self):
        return self.take(self.int())

    def text(self):
        return self.blob().decode()

    def name(self):
        name = self.text()
        if not is_name(name):
            raise ValueError("not a name")
        return name

    def list(self, element):
        count = self.int()
        if count > len(self.data):
            raise ValueError("cut")
        return [element() for _ in range(count)]

    def option(self, value):
        tag = self.take(1)
        if tag not in (b"\0", b"\1"):
            raise ValueError("neither nothing nor a value")
        return value() if tag == b"\1" else None

    def choice(self, *names):
        return names[self.int(32)]

    def end(self):
        if self.data:
            raise ValueError("bytes left over")

    # --- spec/circles.md ---

    def identity(self):
        return self.take(32), self.take(32)

    def address(self):
        return velar.address(self.text()), self.take(32)

    def addresses(self):
        addresses = self.list(self.address)
        if not 1 <= len(addresses) <= 4:
            raise ValueError("addresses out of bounds")
        return addresses

    def extensions(self):
        fields = self.list(lambda: (self.int(32), self.blob()))
        tags = [tag for tag, _ in fields]
        if len(fields) > 8 or sum(len(data) for _, data in fields) > 512 or tags != sorted(set(tags)):
            raise ValueError("extensions out of bounds or order")
        return fields

    def names(self):
        return self.list(lambda: (self.take(32), self.name()))

    def spare(self):
        return self.addresses(), self.take(1284), self.take(1284)

    def roster(self):
        return {"body": self.blob(), "signer": self.take(32), "signature": self.take(64)}

    def card(self):
        return {"body": self.blob(), "signature": self.take(64)}


def signed_by(identity, label, parts, signature):
    if not velar.ed25519_verifies(identity[0], velar.labelled(label, *parts), signature):
        raise ValueError("the signature does not hold")


def prekey_of(owner, circle, prekey, label):
    x, ek, day, signature = prekey[:32], prekey[32:1216], prekey[1216:1220], prekey[1220:]
    parts = circle, day, x, velar.labelled(b"velar/1 encapsulation key", ek)
    signed_by(owner, label, parts, signature)
    return x, ek


def card_of(owner, circle, card):
    signed_by(owner, CARD, [card["body"]], card["signature"])
    read = Reader(card["body"])
    if read.take(32) != circle or read.take(32) != velar.member(*owner):
        raise ValueError("another's card")
    read.int()
    addresses, last_resort = read.addresses(), read.take(1284)
    read.extensions()
    read.end()
    prekey_of(owner, circle, last_resort, LAST_RESORT)
    return addresses


def roster_of(roster, lead):
    """Hash and fields of a state that this identity signed as its lead."""
    signed_by(lead, ROSTER_SIGNATURE, [roster["body"]], roster["signature"])
    read = Reader(roster["body"])
    fields = {"circle": read.take(32), "number": read.int(), "parent": read.take(32), "lead": read.take(32)}
    fields["successors"] = read.list(lambda: read.take(32))
    fields["agreement"] = [read.int(32) for _ in range(8)]
    entries = read.list(lambda: (read.take(16), read.take(1)[0], read.identity()))
    fields["members"] = {velar.member(*identity): identity for _, _, identity in entries}
    fields["extensions"] = read.extensions()
    read.end()
    if roster["signer"] != fields["lead"] or fields["members"].get(fields["lead"]) != lead:
        raise ValueError("not signed by the lead that it names")
    return velar.labelled(b"velar/1 roster", roster["body"]), fields


def message(data):
    """The body of a message of this version: its name and fields, as far as a joining has them."""
    read = Reader(data)
    if read.take(1) != b"\1":
        raise ValueError("another version")
    read.int(), read.int(), read.list(lambda: read.take(32))
    tag = read.int(32)
    if tag == 12:
        body = {
            "coordinator": read.identity(), "circle": read.take(32), "commitment": read.take(32),
            "words": read.choice(*LANGUAGES), "reply": read.addresses(), "reply_prekey": read.take(1284),
            "access": read.option(read.text), "until": read.int(),
        }
    elif tag == 13:
        body = {
            "identity": read.identity(), "signature": read.take(64), "name": read.name(),
            "card": read.card(), "nonce": read.take(32),
        }
    elif tag == 14:
        body = {"nonce": read.take(32)}
    elif tag == 15:
        body = {
            "roster": read.roster(), "names": read.names(),
            "members": read.list(lambda: (read.take(32), read.spare())),
            "circle_name": read.name(), "card": read.card(),
        }
    elif tag == 6:
        body = {"chain": read.list(read.roster), "names": read.names(), "card": read.card()}
    else:
        raise ValueError("not of a joining")
    read.end()
    return body


def derived(seed):
    """Identity seed and prekey seed of an invitation."""
    of = lambda what, length: velar.hkdf(seed, b"velar/1 invitation " + what, length)
    return of(b"identity", 64), of(b"prekey", 96)


def words_digest(seed, offer, join, nonce):
    offered = velar.labelled(b"velar/1 invitation hash", seed, offer)
    joined = velar.labelled(b"velar/1 join hash", join)
    return velar.labelled(b"velar/1 words", offered, joined, nonce)


def word_numbers(digest):
    bits = int.from_bytes(digest[:8], "big")
    return [bits >> shift & 2047 for shift in (53, 42, 31, 20)]


def safety_number(circle, one, other):
    low, high = sorted(velar.member(*identity) for identity in (one, other))
    group = lambda i: velar.labelled(b"velar/1 safety number", circle, low, high, bytes([i]))[:8]
    return " ".join(f"{int.from_bytes(group(i), 'big') % 100_000:05}" for i in range(12))


def same_words(typed, words):
    for separator in {*SPACES, *",.-"}:
        typed = typed.replace(separator, " ")
    plain = lambda word: word.lower().translate(PLAIN)
    return [plain(word) for word in typed.split(" ") if word] == [plain(word) for word in words]


def is_name(name):
    control = any(unicodedata.category(c) == "Cc" or c in INVISIBLE for c in name)
    return 1 <= len(name.encode()) <= 64 and not control and not set(name) <= SPACES
