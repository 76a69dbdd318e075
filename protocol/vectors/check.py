#!/usr/bin/env python3
"""Checks the vectors beside it against a second implementation (velar.py). Needs nothing but Python 3.9."""

import json
import pathlib
import sys

sys.dont_write_bytecode = True
import circles  # noqa: E402
import velar  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
unhex = bytes.fromhex


def load(name):
    return json.loads((HERE / name).read_text())


def same(what, made, expected):
    if made != expected:
        sys.exit(f"{what}: differs from the vector")


def refused(what, action):
    try:
        action()
    except ValueError:
        return
    sys.exit(f"{what}: was accepted")


def keys():
    file = load("keys.json")
    for case in file["hash"]:
        parts = map(unhex, case["parts"])
        same("hash", velar.labelled(case["label"].encode(), *parts).hex(), case["digest"])
    for case in file["identities"]:
        ed, x = velar.identity(unhex(case["seed"]))
        made = ed.hex(), x.hex(), velar.member(ed, x).hex()
        same("identity", made, (case["ed25519"], case["x25519"], case["member"]))
    for case in file["signatures"]:
        seed, label, parts = unhex(case["seed"]), case["label"].encode(), map(unhex, case["parts"])
        parts = list(parts)
        same("signature", velar.sign(seed, label, *parts).hex(), case["signature"])
        message = velar.labelled(label, *parts)
        signature = unhex(case["signature"])
        same("verification", velar.ed25519_verifies(velar.identity(seed)[0], message, signature), True)
    for case in file["prekeys"]:
        seed = unhex(case["seed"])
        made = velar.issue(seed, unhex(case["owner_seed"]), unhex(case["circle"]), case["day"])
        same("prekey", made.hex(), case["bytes"])
        label = b"velar/1 last-resort prekey signature"
        made = velar.issue(seed, unhex(case["owner_seed"]), unhex(case["circle"]), case["day"], label)
        same("last-resort prekey", made.hex(), case["last_resort"])
        digest = velar.prekey_digest(*velar.prekey_keys(seed)).hex()
        same("prekey id", (digest, digest[:32]), (case["digest"], case["id"]))
    for case in file["expand"]:
        out = unhex(case["out"])
        same("expand", velar.hkdf(unhex(case["seed"]), case["label"].encode(), len(out)), out)


def headers():
    for case in load("header.json")["headers"]:
        seed = unhex(case["prekey_seed"])
        x, ek = velar.prekey_keys(seed)
        ciphertext, secret = velar.kem_encapsulate(ek, unhex(case["kem_random"]))
        same("ciphertext", ciphertext.hex(), case["kem_ciphertext"])
        same("secret", secret.hex(), case["kem_secret"])
        same("decapsulation", velar.kem_decapsulate(seed[32:], ciphertext), secret)
        header = velar.header_of(unhex(case["prekey_id"]), ciphertext).hex()
        same("header", (header, header[2:34]), (case["header"], case["hint"]))


def envelopes():
    file = load("envelope.json")
    for case in file["envelopes"]:
        f = {name: unhex(value) for name, value in case.items() if name != "name"}
        recipient = velar.identity(f["recipient_seed"])
        x, ek = velar.prekey_keys(f["prekey_seed"])
        ciphertext, secret = velar.kem_encapsulate(ek, f["kem_random"])
        info = velar.info_of(f["circle"], recipient, velar.prekey_digest(x, ek))
        same("info", info, f["info"])
        same("secret", secret, f["kem_secret"])
        digest = velar.labelled(b"velar/1 kem ciphertext", ciphertext)
        same("ciphertext digest", digest, f["kem_ciphertext_digest"])
        same("psk", velar.psk_of(secret, info, ciphertext), f["psk"])
        same("prologue", info + f["envelope"][:1105], f["prologue"])
        made = velar.seal(
            f["sender_seed"], recipient, f["circle"], x, ek, f["kem_random"], f["ephemeral"], f["plaintext"]
        )
        same("envelope " + case["name"], made, f["envelope"])
        opened = velar.open_envelope(recipient, f["circle"], f["prekey_seed"], made)
        same("opened", opened, (velar.identity(f["sender_seed"])[1], f["plaintext"]))
    first = file["envelopes"][0]
    recipient = velar.identity(unhex(first["recipient_seed"]))
    circle, seed = unhex(first["circle"]), unhex(first["prekey_seed"])
    for case in file["refused"]:
        envelope = unhex(case["envelope"])
        refused(case["why"], lambda: velar.open_envelope(recipient, circle, seed, envelope))


def messages():
    file = load("message.json")
    fields = [value if isinstance(value, int) else unhex(value) for value in (
        file["fields"][name] for name in
        ("sender", "roster_number", "roster_hash", "voice", "message", "sequence", "yours_held")
    )]
    for case in file["messages"]:
        body, prekeys = unhex(case["body"]), [unhex(prekey) for prekey in case["prekeys"]]
        pieces = velar.split(body, prekeys)
        made = [velar.encode_part(fields, i, len(pieces), *piece) for i, piece in enumerate(pieces)]
        same("parts of " + case["name"], [part.hex() for part in made], case["parts"])
        read = [velar.decode_part(part) for part in made]
        same("body of " + case["name"], b"".join(part[3] for part in read), body)
    for case in file["malformed"]:
        plaintext = unhex(case["plaintext"])
        refused(case["why"], lambda: velar.decode_part(plaintext))


def addresses():
    file = load("addresses.json")
    for case in file["good"]:
        places, pins = velar.address(case["address"])
        made = [{"host": host, "port": port} for host, port in places], [pin.hex() for pin in pins]
        same("address " + case["address"], made, (case["places"], case["pins"]))
    for case in file["typed"]:
        same("typed address", velar.typed(case["typed"]), case["address"])
        refused("a typed address in a card", lambda: velar.address(case["typed"]))
    for case in file["bad"]:
        refused(case["why"], lambda: velar.address(case["address"]))
    links = file["links"]
    for case in links["good"]:
        made = *velar.address(case["address"]), unhex(case["seed"])
        same("link", velar.link(case["link"]), made)
    for case in links["typed"]:
        same("typed link", velar.typed(case["typed"]), case["link"])
    for case in links["bad"]:
        refused(case["why"], lambda: velar.link(velar.typed(case["link"])))


def texts():
    file = load("words.json")
    typed = file["typed_words"]
    for case in typed["cases"]:
        same("typed " + ascii(case["typed"]), circles.same_words(case["typed"], typed["words"]), case["same"])
    for case in file["names"]:
        same("name " + ascii(case["name"]), circles.is_name(case["name"]), case["holds"])


def signatures():
    file = load("signatures.json")
    label = file["label"].encode()
    for case in file["signatures"]:
        key, parts = unhex(case["ed25519"]), map(unhex, case["parts"])
        message = velar.labelled(label, *parts)
        same(case["why"], velar.ed25519_verifies(key, message, unhex(case["signature"])), case["holds"])
        same(case["why"], velar.usable_ed25519(key), case["usable"])
    for case in file["proofs"]:
        mailbox = unhex(case["mailbox"])
        message = velar.labelled(b"velar/1 proof", unhex(case["exporter"]), b"\2", mailbox, b"")
        same(case["why"], velar.ed25519_verifies(mailbox, message, unhex(case["proof"])), case["holds"])


def steps(file):
    """What each step of a joining says, opened from its envelopes with the keys of whom it is for."""
    for case in file["steps"]:
        name, circle = case["name"], unhex(case["circle"])
        recipient, sender = velar.identity(unhex(case["recipient_seed"])), velar.identity(unhex(case["sender_seed"]))
        other = unhex(file["circle"]) if name == "offer" else circles.NONE
        pieces = []
        for part in case["parts"]:
            f = {key: unhex(value) for key, value in part.items() if isinstance(value, str)}
            made = velar.seal(
                unhex(case["sender_seed"]), recipient, circle, *velar.prekey_keys(f["prekey_seed"]),
                f["kem_random"], f["ephemeral"], f["plaintext"],
            )
            same("envelope of " + name, made, f["envelope"])
            refused(name + " under another circle", lambda: velar.open_envelope(recipient, other, f["prekey_seed"], made))
            by, plaintext = velar.open_envelope(recipient, circle, f["prekey_seed"], made)
            same("sender of " + name, by, sender[1])
            fields, index, count, body, carried = velar.decode_part(plaintext)
            same("author of " + name, fields[0], velar.member(*sender))
            # Who holds no roster says so; an offer is to nobody who is counted.
            without = name in ("offer", "join")
            same("roster of " + name, fields[1:3] == [0, bytes(32)], without)
            same("sequence of " + name, fields[5] == 0, name == "offer")
            same("voice of " + name, fields[3] == bytes(16), name == "offer")
            same("parts of " + name, (index, count), (len(pieces), len(case["parts"])))
            for prekey in carried:
                circles.prekey_of(sender, circle, prekey, circles.ONE_TIME)
            label = circles.LAST_RESORT if part["last_resort"] else circles.ONE_TIME
            keys = circles.prekey_of(recipient, circle, f["prekey"], label)
            same("prekey of " + name, keys, velar.prekey_keys(f["prekey_seed"]))
            pieces.append(body)
        same("message of " + name, b"".join(pieces).hex(), case["message"])
        yield name, unhex(case["message"]), circles.message(unhex(case["message"]))


def joining():
    file = load("joining.json")
    where, pins, seed = velar.link(file["link"])
    nonce, circle = unhex(file["nonce"]), unhex(file["circle"])
    coordinator, member, joiner = (
        velar.identity(unhex(file[who + "_seed"])) for who in ("coordinator", "member", "joiner")
    )
    said = {name: (data, body) for name, data, body in steps(file)}
    offer, join = said["offer"][1], said["join"][1]
    # What the joiner has of the link, and the coordinator.
    first = file["steps"][0]
    made = [made.hex() for made in circles.derived(seed)]
    same("keys of the link", made, [first["recipient_seed"], first["parts"][0]["prekey_seed"]])
    same("circle of the offer", (first["circle"], offer["circle"]), (circles.NONE.hex(), circle))
    committed = nonce, velar.member(*coordinator), circle
    same("commitment", velar.labelled(b"velar/1 invitation commitment", *committed), offer["commitment"])
    circles.prekey_of(offer["coordinator"], circle, offer["reply_prekey"], circles.LAST_RESORT)
    same("joiner", join["identity"], joiner)
    offered = velar.labelled(b"velar/1 offer hash", said["offer"][0])
    circles.signed_by(joiner, b"velar/1 join", [joiner[1], offered], join["signature"])
    # A guest is at the invitation's relay, and nowhere else.
    at = circles.card_of(joiner, circle, join["card"])
    same("relay of the join", [relay for relay, _ in at], [(where, pins)] * len(at))
    same("nonce", said["reveal"][1]["nonce"], nonce)
    digest = circles.words_digest(seed, said["offer"][0], said["join"][0], nonce)
    same("words", (digest.hex(), circles.word_numbers(digest)), (file["words_digest"], file["word_numbers"]))
    same("safety number", circles.safety_number(circle, coordinator, joiner), file["safety_number"])
    welcome = said["welcome"][1]
    state, fields = circles.roster_of(welcome["roster"], offer["coordinator"])
    same("circle of the welcome", (fields["circle"], velar.member(*joiner) in fields["members"]), (circle, True))
    circles.card_of(coordinator, circle, welcome["card"])
    (other, (_, prekey, last_resort)), = welcome["members"]
    same("member of the spare", fields["members"][other], member)
    circles.prekey_of(member, circle, prekey, circles.ONE_TIME)
    circles.prekey_of(member, circle, last_resort, circles.LAST_RESORT)
    introduction = said["introduction"][1]
    same("state of the introduction", circles.roster_of(introduction["chain"][0], coordinator)[0], state)
    circles.card_of(joiner, circle, introduction["card"])


def access():
    file = load("access.json")
    key = unhex(file["key"])
    same("access token", velar.access_text("velar-access-", key), file["text"])
    texts = [file["text"]]
    for case in file["children"]:
        nonce = unhex(case["nonce"])
        made = velar.child_text(key, case["expiry_s"], nonce), velar.spent(nonce).hex()
        same("child", made, (case["text"], case["spent"]))
        texts.append(case["text"])
    for case in file["reopening"]:
        same("reopening", velar.reopening_text(key, unhex(case["mailbox"])), case["text"])
    texts.append(file["reopening"][0]["text"])
    mailbox = unhex(file["reopening"][0]["mailbox"])
    for text in texts:
        same("reading", velar.is_of(text, key, mailbox), True)
    for case in file["refused"]:
        if case["reads"]:
            same(case["why"], velar.is_of(case["text"], key, mailbox), False)
        else:
            refused(case["why"], lambda: velar.read_access(case["text"]))


if __name__ == "__main__":
    for check in (addresses, keys, headers, envelopes, messages, access, signatures, texts, joining):
        check()
        print(f"{check.__name__}: ok")
