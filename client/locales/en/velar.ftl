# Velar's texts in English. es/velar.ftl has the same ids, attributes and variables; tests compare them.
#
# How to write here: calm, short, no blame. What happened, then what to do. Never promise more than is known:
# "received by Ana's terminal" is not "Ana knows". One word per idea: circle, member, check-in, alert, take,
# stand down, relay, vault, passphrase. Each error has the attribute `next`: what to do now.

### Help: words that the parser would otherwise print itself

help-word-usage = Usage:
help-word-commands = Commands
help-word-command = COMMAND
help-word-options = Options
help-word-options-short = OPTIONS
help-word-arguments = Arguments
help-word-common = Options of every command

### Help: commands. `more` is shown below the options.

help-cmd = The safety line between a person at risk and the people who accompany them.
    In danger: velar panic
    Velar is no emergency service. It tells the people you chose, quickly and truthfully.
    .more =
        Begin:  velar init, then velar circle new (or velar join with an invitation).
        Daily:  velar checkin · velar status · velar inbox · velar watch
        Alarm:  velar panic
        Help for one command: velar help checkin
        Spanish names work too (velar panico, velar reporte), and so does --lang es.
help-cmd-init = Make a vault on this device and choose its passphrase
help-cmd-circle = Form a circle, or look at the one you belong to
help-cmd-circle-new = Form a new circle; you become its coordinator
    .more =
        Example:
          velar circle new --name "Casa Norte" --me Ana --relay 'velar://relay.example.org:443#…'
        Put quotes around the address: it contains a #. Whoever operates the relay gives it to you.
help-cmd-circle-show = Show the circle, its relay and your own roles
help-cmd-circle-agree = Show what the circle has agreed; as its lead, change it
    .more =
        Without options it shows the agreement. Only the lead changes it; everybody is told.
        Example: velar circle agree --grace 15 --tier-two 15 --repeat 5
help-cmd-invite = Make an invitation: a link and a QR code, good for 48 hours and for one person
    .more = Show it in person. Whoever has the link can ask to join, but comes in only after your approval.
help-cmd-join = Answer an invitation, or go on where it stopped
    .more =
        First:          velar join --link-file invitation.txt --me Ana
        Or:             velar join LINK --me Ana
        Then the words: velar join
        Without a link it goes on with the invitation already answered.
        A link typed on the command line stays in the shell's history; --link-file avoids that.
help-cmd-approve = Let in the person who answered your invitation, once the four words match
    .more = Compare the four words in person or by voice, never in writing over the same channel as the link.
help-cmd-members = Who is in the circle
help-cmd-members-list = Show them
help-cmd-members-remove = As its lead coordinator: take somebody out of the circle
    .more =
        That device is told, and the circle stops waiting for its check-ins. It cannot be undone; to come back, the person is
        invited again. A lost device is removed the same way.
help-arg-members-remove-member = Name or short id
    .value = MEMBER
help-arg-members-remove-yes = Do not ask
help-cmd-members-new-token = Give somebody another token for sending to you, in place of the one they have
    .more =
        A token is what lets one person send to you. If much comes by it that nothing here can open, somebody else may have it.
        The one they have counts until they are known to have the new one, so that their alarms arrive meanwhile.
help-arg-members-new-token-member = Name or short id
    .value = MEMBER
help-arg-members-new-token-now = The one they have counts no more, even before they have the new one
help-arg-members-new-token-yes = Do not ask
help-cmd-verify = Compare safety numbers with another member
help-cmd-checkin = Check in: tell the circle how you are
    .more =
        Examples:
          velar checkin
          velar checkin --mood tired --next 90 --note "leaving town"
        Also: velar ok
help-cmd-panic = Raise the alarm: the whole circle at once
    .more =
        Example:
          velar panic two men are following me, near the market
        With the panic kit it goes out at once, without the passphrase; that is asked for afterwards.
        Quotes are not needed. A mistyped option does not stop the alarm; an unknown one is sent along as text.
        Also: velar sos, velar alarm. Better ten false alarms than one silence.
help-cmd-alerts = Open alerts, with their true state for each person
help-cmd-claim = Take an alert: the others see that you are on it
    .more = Also: velar take
help-cmd-release = Give back an alert you have taken, so that somebody else takes it
help-cmd-note = Write into the alert's log what you know or do
    .more =
        Examples:
          velar note I have spoken with her, she is at home
          velar note 3f2a the lawyer is on her way
        The first word may be the alert's short id; it is needed only if several are open.
help-cmd-stand-down = Say that you are safe, or confirm that another person is
    .more =
        If you raised the alert:   velar stand-down
        If somebody else did:      velar stand-down --confirm
        A second person always confirms, by voice if possible. Also: velar safe
help-cmd-close = Close an alert when what could be done has been done
help-cmd-say = Send a message to the circle, or to some of its members
    .more =
        Examples:
          velar say I arrive at six
          velar say --to Ana --to Luz can you talk?
        Without a text it is read from standard input.
help-cmd-inbox = Read messages
help-cmd-watch = Keep watch: stay connected and show what comes in, until Ctrl-C
    .more =
        With --exec the command runs for each alert that rings. It receives VELAR_ALERT (the short id) and
        VELAR_EVENT in its environment, and VELAR_DRILL, which is 1 for a drill: no names and no texts. VELAR_EVENT is cannot-know when a check-in was due
        and no relay answers; newer-version, with an empty VELAR_ALERT, when somebody said what this velar is too old to read.
help-cmd-status = The state of this device: connection, what is not sent yet, who is watching
help-cmd-plan = When you check in: show it, agree on it, announce a silence
    .more =
        Examples:
          velar plan set --every 60m --until 20:00 --itinerary-file route.txt
          velar plan set --at 09:00,14:00,20:00 --grace 15m
          velar plan silence --until 18:00
          velar plan end
        Without more it shows the plan. Each change is told to the circle by a check-in.
help-cmd-plan-show = Show the plan
help-cmd-plan-set = Agree on when you check in; what is not given stays as it was
    .more =
        Without --every or --at, a first plan takes the circle's interval on the road.
        A check-in up to 15 minutes before a fixed time counts for it. The last one is due at the end (--until).
        The itinerary is sealed and left with the relays. Nobody reads it unless a check-in is missed.
help-cmd-plan-silence = Announce a silence: your next check-in is due when it ends
    .more = Back earlier: velar plan silence --over
help-cmd-plan-end = End the plan: no check-in is agreed from now on
help-cmd-completions = Print completions for a shell
help-cmd-log = What happened in alerts: everything that this device heard and said, in a chain that only grows
    .more =
        Examples:
          velar log
          velar log 3f2a
help-cmd-log-export = Write an alert's log to files, with the consent of whom it is about
    .more =
        Example:
          velar log export 3f2a --out . --redact Eva --consent "Ana agreed on 3 May, for the protection mechanism"
        The consent stands in the log and in the file. Files are only for you, and none is replaced.
        What is left out stays left out, and the rest can still be checked: velar log verify FILE
help-cmd-log-verify = Check that nothing was changed: in this device's log, or in an exported JSON file
    .more =
        Only a head that was noted before, or told to somebody, shows that it is still the same log:
          velar log verify velar-log-3f2a9c01-12.json --head 12:8c1f0a2b3d4e5f60
help-cmd-wipe = Destroy the vault on this device, at once and for good
    .more =
        No passphrase is needed, and nobody is told. What lies at the relays for the case of your silence stays there.
        In a hurry: velar wipe --yes
help-cmd-backup = Write names, safety numbers, the plan and the log to a sealed file; no keys
    .more =
        Example:
          velar backup velar.backup
        It has a passphrase of its own. Nobody can act in your name with it.
help-cmd-restore = Take over a backup into a new vault; then ask for an invitation
    .more =
        Example:
          velar init
          velar restore velar.backup
        You come back as the same person with new keys: a coordinator invites you, and you compare the four words.
help-cmd-hand-over = Ask somebody else to take an alert that you have taken
    .more =
        Example: velar hand-over --to Eva my shift ends; I have spoken with her
        It stays yours until they take it: nobody is left alone in between.
help-cmd-drill = Practise: an alarm that everybody sees is a drill; or show how one went
    .more =
        Examples:
          velar drill who answers on a Sunday?
          velar drill --report
        A drill goes the same way as an alarm. In danger, also during a drill: velar panic
help-cmd-contacts = Whom to turn to outside the circle: shown when nobody takes an alert
    .more =
        Examples:
          velar contacts
          velar contacts add Marta Ruiz, lawyer, +52 55 0000 0000, day and night
        The first word is the name; put quotes around a longer one. Coordinators change the list for everybody.
        Velar calls nobody: a person does.
help-cmd-contacts-list = Show the list
help-cmd-contacts-add = Put somebody on the list, or change how to reach them
help-cmd-contacts-remove = Take somebody off the list
help-cmd-duress = Set, change or remove a second passphrase, for when somebody makes you unlock
    .more =
        With it everything looks and works as usual, and your circle learns that you may be acting under coercion.
        Set it, or another:  velar duress
        Remove it:           velar duress --remove
        Use the passphrase of every day to run this: the one that you do not type here is replaced, whatever it was.
        Nobody can see whether there is a second one. Agree with your circle beforehand on what they do then.

### Help: options of every command

help-arg-vault = Folder of the vault. Otherwise $VELAR_VAULT, or velar in your data folder
    .value = DIR
help-arg-passphrase-file = Read the passphrase from the first line of this file
    .value = FILE
help-arg-passphrase-fd = Read the passphrase from this open file descriptor
    .value = N
help-arg-lang = Language: es or en. Otherwise the system's
    .value = LANG
help-arg-json = Print data as JSON
help-arg-log = Show technical messages, for instance debug or velar=trace. Otherwise $VELAR_LOG
    .value = FILTER
help-arg-help = Show this help
help-arg-version = Show the version

### Help: arguments

help-arg-circle-new-name = Name of the circle; only its members see it
    .value = NAME
help-arg-circle-new-me = Your name, as the others will see it. It need not be your legal one
    .value = NAME
help-arg-circle-new-relay = Address of the relay, with its pin: velar://host:port#pin
    .value = ADDRESS
help-arg-circle-new-access-token-file = File with your access token, if the relay asks for one
    .value = FILE
help-arg-invite-roles = Role of whoever joins: defender, accompanier or coordinator. May be repeated; otherwise defender
    .value = ROLE
help-arg-invite-no-qr = Only the link, without the QR code
help-arg-join-link = The invitation's link
    .value = LINK
help-arg-join-link-file = File with the invitation's link; - means standard input
    .value = FILE
help-arg-join-me = Your name, as the others will see it. It need not be your legal one
    .value = NAME
help-arg-join-words = The four words that you heard from the coordinator
    .value = WORDS
help-arg-approve-words = The four words that you heard from the person
    .value = WORDS
help-arg-approve-name = Give the person another name in the circle
    .value = NAME
help-arg-approve-roles = Other roles than the invitation's: defender, accompanier or coordinator. May be repeated
    .value = ROLE
help-arg-approve-reject = Turn the request down and void the invitation
help-arg-verify-member = Short id or name; without it, everyone
    .value = MEMBER
help-arg-verify-mark = Remember that you compared the numbers and they are the same
help-arg-checkin-note = A few words for the circle
    .value = TEXT
help-arg-checkin-mood = How you are: well, tired, unwell or afraid
    .value = MOOD
help-arg-checkin-low-battery = My battery may run out
help-arg-checkin-no-signal = I will have no signal for a while
help-arg-checkin-next = When I check in again: 90 (minutes), 2h, 1h30
    .value = MINUTES
help-arg-checkin-wait = How long to wait for receipts: 10 (seconds), 2m
    .value = SECONDS
help-arg-panic-text = What is happening, if you can say
    .value = TEXT
help-arg-panic-wait = How long to go on at most: 30 (seconds), 2m. Without it: until somebody has received the alarm
    .value = SECONDS
help-arg-panic-disarm = Remove the panic kit from this device; raises no alarm
help-arg-panic-arm = Make a panic kit again after --disarm; raises no alarm
help-arg-alerts-all = Closed ones too
help-arg-claim-alert = Short id, or the name of who raised it; needed only if several are open
    .value = ALERT
help-arg-release-alert = Short id, or the name of who raised it; needed only if several are open
    .value = ALERT
help-arg-note-alert = Short id, or the name of who raised it; needed only if several are open
    .value = ALERT
help-arg-note-text = What you know or do; its first word may be the alert's short id
    .value = TEXT
help-arg-stand-down-alert = Short id, or the name of who raised it; needed only if several are open
    .value = ALERT
help-arg-stand-down-text = A few words; the first may be the alert's short id
    .value = TEXT
help-arg-stand-down-confirm = Confirm that the person who asked is safe
help-arg-close-alert = Short id, or the name of who raised it; needed only if several are open
    .value = ALERT
help-arg-close-text = How it ended; the first word may be the alert's short id
    .value = TEXT
help-arg-close-unconfirmed = Also if nobody has confirmed that the person is safe
help-arg-say-text = The message
    .value = TEXT
help-arg-say-to = Only to this member: short id or name. May be repeated
    .value = MEMBER
help-arg-inbox-all = Those already read, too
help-arg-inbox-after = Only those after this number
    .value = N
help-arg-watch-plain = Line by line, for screen readers, pipes and logs
help-arg-watch-exec = Command to run for each alert that rings
    .value = COMMAND
help-arg-plan-set-every = So long after each check-in: 90 (minutes), 2h, 1h30
    .value = MINUTES
help-arg-plan-set-at = At these times of each day: 09:00,14:00,20:00
    .value = TIMES
help-arg-plan-set-grace = How long after that nobody is worried yet: 15 (minutes), 1h; 0 for none
    .value = MINUTES
help-arg-plan-set-until = The last check-in is due then: 18:00, "2026-11-25 18:00", 3d
    .value = TIME
help-arg-plan-set-zone = Time zone of the times, such as America/Mexico_City. Otherwise this device's
    .value = ZONE
help-arg-plan-set-itinerary = Where you go and how; '' for none
    .value = TEXT
help-arg-plan-set-itinerary-file = File with the itinerary; - means standard input
    .value = FILE
help-arg-plan-set-margin = How long after the grace the relays give out what is left with them: 5 (minutes)
    .value = MINUTES
help-arg-plan-set-low-battery = Say with each check-in that the battery may run out
help-arg-plan-set-no-signal = Say with each check-in that there will be no signal for a while
help-arg-plan-set-note = A few words for the circle
    .value = TEXT
help-arg-plan-set-wait = How long to wait for receipts: 10 (seconds), 2m
    .value = SECONDS
help-arg-plan-silence-until = Your next check-in is due then: 18:00, "2026-11-25 18:00", 2h
    .value = TIME
help-arg-plan-silence-over = The silence is over: from now on as before
help-arg-plan-silence-note = A few words for the circle
    .value = TEXT
help-arg-plan-silence-wait = How long to wait for receipts: 10 (seconds), 2m
    .value = SECONDS
help-arg-plan-end-note = A few words for the circle
    .value = TEXT
help-arg-plan-end-wait = How long to wait for receipts: 10 (seconds), 2m
    .value = SECONDS
help-arg-watch-off-shift = Not on shift: the others are not told that you watch, and what can wait rings elsewhere first
help-arg-status-ask = Call the roll: ask who is watching now, and wait a moment for answers
help-arg-circle-agree-grace = After a check-in that did not come, before anybody is alarmed: 15 (minutes)
    .value = MINUTES
help-arg-circle-agree-tier-two = Nobody has taken it: the whole circle is asked after this long
    .value = MINUTES
help-arg-circle-agree-tier-three = Nobody has taken it: the contacts outside are shown after this long
    .value = MINUTES
help-arg-circle-agree-repeat = An alert that nobody has taken rings again after this long
    .value = MINUTES
help-arg-circle-agree-claim-quiet = Whoever took it and gives no sign for this long does not have it any more
    .value = MINUTES
help-arg-circle-agree-road = Between check-ins on the road: 60 (minutes), 1h30
    .value = MINUTES
help-arg-circle-agree-base = Between check-ins in base
    .value = MINUTES
help-arg-circle-agree-home = Between check-ins at home
    .value = MINUTES
help-arg-hand-over-alert = Short id, or the name of who raised it; needed only if you have taken several
    .value = ALERT
help-arg-hand-over-text = What they should know; its first word may be the alert's short id
    .value = TEXT
help-arg-hand-over-to = Who is asked to take it: short id or name
    .value = MEMBER
help-arg-drill-text = What is practised
    .value = TEXT
help-arg-drill-wait = How long to wait until everybody has it and somebody has taken it: 60 (seconds), 5m
    .value = SECONDS
help-arg-drill-report = Show how a drill went: the one of this short id, or the latest
    .value = DRILL
help-arg-contacts-add-name = Name
    .value = NAME
help-arg-contacts-add-how = How to reach them, and for what
    .value = TEXT
help-arg-contacts-remove-name = Name
    .value = NAME
help-arg-completions-shell = bash, zsh, fish, elvish or powershell
    .value = SHELL
help-arg-log-alert = Short id, or the name of whom the alert is about; without it, all
    .value = ALERT
help-arg-log-export-alert = Short id, or the name of whom the alert is about; needed only if there are several
    .value = ALERT
help-arg-log-export-out = A folder, or the name of the new file
    .value = PATH
help-arg-log-export-formats = md (for people) or json (for checking). May be repeated; in a folder otherwise both
    .value = FORMAT
help-arg-log-export-consent = Who agreed to this, when, and to what
    .value = TEXT
help-arg-log-export-redact = Leave out this person or these words, or all for everybody. May be repeated
    .value = NAME
help-arg-log-verify-file = An exported JSON file; without it, this device's log
    .value = FILE
help-arg-log-verify-head = The head that was noted before: number, colon, and at least 16 digits
    .value = HEAD
help-arg-wipe-yes = Do not ask
help-arg-backup-file = The new file
    .value = FILE
help-arg-backup-backup-passphrase-file = Read the backup's own passphrase from the first line of this file
    .value = FILE
help-arg-restore-file = The backup
    .value = FILE
help-arg-restore-backup-passphrase-file = Read the backup's own passphrase from the first line of this file
    .value = FILE
help-arg-restore-show = Only show what is in it
help-arg-duress-second-file = File whose first line is the second passphrase
    .value = FILE
help-arg-duress-second-fd = Read the second passphrase from this open file descriptor
    .value = N
help-arg-duress-remove = Remove the second passphrase

### Words

role-defender = defender
role-accompanier = accompanier
role-coordinator = coordinator
mood-well = well
mood-tired = tired
mood-unwell = unwell
mood-afraid = afraid
flag-low-battery = battery low
flag-no-signal = no signal ahead
flag-planned-silence = planned silence
word-you = you
word-nobody = nobody
word-unknown-member = somebody unknown
word-somebody-new = somebody new
# The name of who was in the circle once.
word-former = { $name } (not in the circle any more)
word-never = never
# What a person types to say yes or no; several answers separated by spaces, the first is shown.
answer-yes = yes y sí si s
answer-no = no n
column-id = id
column-name = name
column-roles = roles
column-last-heard = last heard
column-verified = verified

### Passphrase

passphrase-prompt = Passphrase:{" "}
passphrase-wrong-again = That does not open the vault. Again:{" "}
passphrase-new = New passphrase:{" "}
passphrase-again = The same once more:{" "}
passphrase-advice = Choose six words or more, at random, that you will remember. Nobody can recover it for you.

### init

init-done = Vault made: { $path }
init-next = Next: velar circle new, or velar join if you were invited.

### circle

circle-new-done = Circle "{ $circle }" formed. You are its coordinator.
circle-new-next = Next: velar invite, together with the person you want to invite.
circle-new-kept = The circle is formed on this device, but the relay { $relay } has not been reached yet. It will be tried again with the next command.
circle-name = Circle: { $circle }
circle-me = You: { $name } ({ $roles })
circle-relay = Relay: { $relay }
circle-members = { $count ->
    [one] { $count } member
   *[other] { $count } members
}
circle-roster = Member list no. { $number }, signed by { $name }
circle-large = { $count } members are many: in large circles everybody believes that somebody else is answering. Three to twelve works best.
circle-alone = You are alone in the circle: nobody would receive an alert yet. Invite somebody: velar invite

### invite

invite-made = Invitation for { $roles }, good until { $time } and for one person:
invite-in-person = Let the person scan it or copy it in person. Anyone who sees it can ask to join.
invite-next = When the person has answered: velar approve

### join

join-name-prompt = Your name, as the circle will see it:
join-link-prompt = Invitation link:
join-sent = Your answer has been sent. Tell the coordinator to type: velar approve
join-waiting = Waiting for the coordinator … (Ctrl-C stops waiting; velar join goes on later.)
join-words = Your four words: { $words }
join-words-compare = Say them to the coordinator in person or by voice. Both screens must show the same four.
join-words-type = The four words that the coordinator reads to you:
join-words-same = The words match. Waiting to be let in …
join-pending = Not let in yet. Your answer is kept: velar join goes on.
join-done = Welcome. You are in the circle "{ $circle }" as { $name } ({ $roles }).
join-next = Try it: velar checkin. In danger: velar panic
join-rejected = The coordinator turned the request down, or the invitation was voided.

### approve

approve-request = { $name } asks to join. Roles: { $roles }
approve-words = The four words: { $words }
approve-words-compare = Compare them with { $name } in person or by voice. Both screens must show the same four.
approve-words-type = The four words that { $name } reads to you:
approve-ask-reject = Turn down { $name } and void the invitation?
approve-done = { $name } is in the circle ({ $roles }).
approve-rejected = Request of { $name } turned down; the invitation is void.
approve-left = Nothing decided. The request is kept: velar approve

### members, verify

members-verified = yes
members-unverified = not yet
verify-number = Safety number with { $name }:
verify-how = Read it to each other in person or by voice. If both see the same, type: velar verify { $id } --mark
verify-marked = Remembered: the safety number with { $name } is verified.
verify-state-yes = Verified.
verify-state-no = Not verified yet.

### members remove

remove-means = Once they have heard of it, the others tell { $name } nothing more and hear nothing more of { $name }: no check-ins, no alarms. That device is told; what is on it stays there. To come back, { $name } has to be invited again.
remove-duress = { $name } may be under duress ({ $alert }). That device will show the removal: whoever holds it sees it. If that is a danger now, wait.
remove-alert = There is an open alert about { $name } ({ $alert }). It stays open until somebody closes it.
remove-awaited = The circle waits for { $name } to check in by { $time }. It will not wait any more.
remove-late = { $name } was to check in by { $time } and did not, as far as is known here. It becomes an alert; speak with { $name } first, if you can.
remove-claim = { $name } has taken alert { $alert }. Without { $name } nobody has it: take it first, velar claim { $alert }
remove-reopens = { $name } closed alert { $alert } in these days. It opens again, and somebody else has to close it.
remove-not-up-to-date = !!! No relay has handed over everything: there may be news of this person that is not here yet.
remove-ask = Remove { $name } from the circle?
remove-done = { $name } is not in the circle any more.
remove-others = The others are being told.
remove-told = A message to the device of { $name } is on its way; whether it arrives is not known here. Let { $name } hear it from one of you, too.
remove-not-told = The device of { $name } CANNOT be told. Tell { $name } by another way: nobody in the circle hears that device any more.

### members new-token

new-token-means = From now on nothing of { $name }'s reaches this device by the token that { $name } has, no alarm either; the others still hear it. { $name } is told of the new one.
new-token-ask = End it now?
new-token-kept = { $name } gets another token as soon as a relay has registered it.
new-token-told = Another token for { $name } is registered. { $name } is told; it is not known yet whether { $name } has it.
new-token-received = { $name } has another token.
new-token-earlier = The earlier one still counts, so that an alarm of { $name } arrives. So does whatever else comes by it. It ends when { $name } has the new one and has checked in since, and { $time } at the latest.
new-token-ended = The earlier one of { $name } counts no more.

### True states, for one person

state-queued = queued here, not sent yet
state-at-relay = at the relay { $relay }
state-received = received by { $name }'s terminal, { $time }
state-relay-asks = not sent: it waits for your answer about { $relay }
state-relay-refused = not sent: you refused { $relay }
state-given-up = will not get there: they left, or their relay refuses

### What became of something sent (check-in, message, note, alert)

sent-received = Received by the terminal of: { $names }
sent-received-all = Received by everybody's terminal ({ $count }).
sent-at-relay = At the relay, not received yet by: { $names }
sent-kept = NOT SENT YET. It is kept here. To send it, leave velar watch open.
sent-not-reached = NOT reached yet: { $names }
sent-relay-asks = { $name } is reached only at { $relay }, a relay that nobody else here uses. To send there: velar relays allow { $relay }
sent-relay-refused = { $name } is reached only at { $relay }, which you refused. To send there after all: velar relays allow { $relay }
sent-waits-at-relay = It waits for them at the relay.
sent-keeps-trying = This device only goes on trying while velar runs: leave velar watch open.
sent-nobody = There is nobody else in the circle yet.

### checkin

checkin-done = Checked in.
checkin-next = Next check-in: before { $time }
checkin-not-sent = Your check-in has NOT gone out yet.
checkin-alert-open = Your alert { $alert } is still open. If you are safe: velar stand-down

### panic

panic-raised = ALARM RAISED ({ $alert }), { $time }.
panic-added = Your alarm { $alert } was open already; this was added to it and everybody is told again.
panic-sending = Sending …
panic-at-relay = The alarm is at the relay { $relay }.
panic-received = { $name }'s terminal has received it.
panic-taken = { $name } has taken it.
panic-summary = { $count ->
    [0] NOBODY'S terminal has received it yet.
    [one] 1 of { $total } terminals has received it.
   *[other] { $count } of { $total } terminals have received it.
}
panic-not-reached = NOT reached yet: { $names }
panic-no-connection = NO CONNECTION: the alarm has not gone out yet. It is kept here and tried again while this stays open.
panic-not-taken = NOT SENT YET: the relay { $relay } does not take the alarm now. It is kept here and tried again while this stays open.
panic-not-out = NOT SENT YET: the alarm is kept here and tried again while this stays open.
panic-pin = Whoever answers at { $relay } is NOT your relay. The alarm was not given to it and is kept here. Use another way now.
panic-cut = The text was too long: only its beginning goes out.
panic-kept = NOT SENT YET: the alarm is kept here. To get it out, leave velar watch open.
panic-goes-on = This goes on until somebody has received the alarm. Ctrl-C ends it.
panic-keeps-trying = This device only goes on trying while velar runs. Type now, and leave it open: velar watch
panic-other-means = If you can, use another way too: call, shout, go where there are people.
panic-failed = THE ALARM WAS NOT RAISED. Use another way now: call, shout, go where there are people.
panic-state = To see who has received and taken it: velar alerts
panic-false = If it turns out to be nothing: velar stand-down. Better ten false alarms than one silence.
panic-nobody = You are alone in the circle: there is NOBODY who could receive this alarm. Use another way now.

### alerts

alerts-none = No open alerts.
alerts-closed-too = Closed ones: velar alerts --all
alerts-not-up-to-date = NOT UP TO DATE: no relay has answered. This is what was known here before.
alert-heading = Alert { $alert } of { $name }, { $time }
alert-heading-closed = Alert { $alert } of { $name }, { $time }, closed
alert-text = { $name }: { $text }
alert-passed-on = (passed on by { $by }; not yet received from { $name })
alert-open = Open: nobody has taken it yet. To take it: velar claim { $alert }
alert-open-own = Open: nobody has taken it yet.
alert-claim-expired = Open again: whoever had taken it went quiet. To take it: velar claim { $alert }
alert-taken = Taken by { $name }, { $time }
alert-taken-by-several = Taken at once by { $names }. { $leader } leads; the others support.
alert-note = { $time } { $name }: { $text }
alert-stand-down-asked = { $name } says "I am safe", { $time }. A second person confirms: velar stand-down { $alert } --confirm
alert-stand-down-confirmed = { $by } confirmed, { $time }, that { $name } is safe.
alert-closed = Closed by { $name }, { $time }
alert-reason-panic = alarm raised by hand
alert-reason-overdue = check-in overdue
alert-reason-released = the relay released the alert left with it for this case
alert-reason-duress = may be acting under coercion
alert-reason-drill = drill
alert-people = State for each person:
alert-not-reached = NOT reached: { $names }
alert-added-not-received = What you added last has not reached yet: { $names }

### claim, release, note, stand-down, close

claim-done = You have taken alert { $alert } of { $name }. The circle is told.
claim-second = { $leader } took alert { $alert } at the same time and leads. You are seen as supporting: agree on who does what.
claim-leads = You lead. { $names } took it at the same time: agree on who does what.
claim-again = You had taken alert { $alert } already.
claim-over = { $name } had it since { $time }; now it is yours. Tell them: velar note { $alert } …
claim-next = Get in touch with { $name }, and write what you know: velar note …
release-done = You have given back alert { $alert }. The circle is told that it needs somebody.
note-done = Written into the log of alert { $alert }.
stand-down-asked = The circle is told that you are safe. Your alert { $alert } stays open until a second person confirms.
stand-down-asked-next = Somebody will get in touch with you. Nobody minds: better ten false alarms than one silence.
stand-down-confirm-advice = Before you confirm, hear { $name }'s voice if you can, and ask something only { $name } would answer.
stand-down-confirm-ask = Do you confirm that { $name } is safe?
stand-down-confirmed = Confirmed: { $name } is safe. To end it: velar close { $alert }
close-done = Alert { $alert } closed. The circle is told.
close-unconfirmed-ask = Nobody has confirmed that { $name } is safe. Close it all the same?
close-debrief = Take a moment, also for yourselves: talk with each other about how it was.

### say, inbox

say-done = Sent.
inbox-none = No new messages.
inbox-none-at-all = No messages.

### watch

watch-started = { $time } On watch in "{ $circle }" as { $name }. Ctrl-C ends it.
watch-connecting = { $time } Connecting to { $relay } …
watch-connected = { $time } Connected to { $relay }. Alerts reach this terminal.
watch-disconnected = { $time } !!! NO CONNECTION to { $relay }. ALERTS DO NOT REACH THIS TERMINAL. Trying again …
watch-disconnected-one = { $time } No connection to { $relay } now. What is sent through your other relays still reaches this terminal; who does not know of those yet cannot reach you.
watch-still-disconnected = { $time } !!! STILL NO CONNECTION to { $relay }, since { $since }. ALERTS DO NOT REACH THIS TERMINAL.
watch-caught-up = { $time } Up to date.
watch-unsent = { $time } { $count ->
    [one] { $count } message kept here, not sent yet.
   *[other] { $count } messages kept here, not sent yet.
}
watch-message = { $time } { $name }: { $text }
watch-checkin = { $time } Check-in of { $name }
watch-checkin-details = { $time } Check-in of { $name }: { $details }
watch-checkin-next = next before { $time }
watch-alert = { $time } *** ALERT { $alert } *** { $name } raised the alarm.
watch-alert-text = { $time } *** ALERT { $alert } *** { $name }: { $text }
watch-alert-by = { $time } *** ALERT { $alert } *** for { $name }. { $by }: { $text }
watch-passed-on = { $time } Passed on by { $by }; not yet received from { $name }.
watch-alert-how = { $time } To take it: velar claim { $alert }
watch-alert-again = { $time } *** ALERT { $alert } of { $name } *** Nobody has taken it, since { $since }.
watch-drill = { $time } *** DRILL { $alert } *** { $name }
watch-taken = { $time } Alert { $alert } of { $name } is taken by { $by }.
watch-taken-by-several = { $time } Alert { $alert } of { $name } is taken at once by { $names }. { $leader } leads.
watch-released = { $time } *** ALERT { $alert } of { $name } *** { $by } gave it back. It needs somebody.
watch-handed-over = { $time } Alert { $alert } of { $name }: { $by } asks { $to } to take it over
watch-note = { $time } Alert { $alert } of { $name }, { $by }: { $text }
watch-stand-down-asked = { $time } Alert { $alert }: { $name } says "I am safe". A second person confirms: velar stand-down { $alert } --confirm
watch-stand-down-confirmed = { $time } Alert { $alert }: { $by } confirmed that { $name } is safe.
watch-closed = { $time } Alert { $alert } of { $name } is closed by { $by }.
watch-join-request = { $time } { $name } asks to join the circle: velar approve
watch-member-joined = { $time } { $name } is now in the circle ({ $roles }).
watch-member-left = { $time } { $name } is not in the circle any more.
watch-removed = { $time } !!! This device is not in the circle any more. Nobody there hears its check-ins or alarms, and it watches over nobody. Speak with the circle by another way.
watch-undone = { $time } *** ALERT { $alert } of { $name } *** is open: what { $by } did about it counts no more.
watch-invitation-void = { $time } !!! An invitation was answered TWICE and is void. Somebody else may have seen it. Make a new one, in person: velar invite
watch-expired = { $time } { $count ->
    [one] { $count } message was deleted by the relay before this device read it.
   *[other] { $count } messages were deleted by the relay before this device read them.
} Ask the others what you missed.
watch-roster-conflict = { $time } !!! Two member lists of this circle contradict each other. Speak with the circle in person or by voice before you go on.
watch-claim-expired = { $time } *** ALERT { $alert } of { $name } *** Whoever had taken it went quiet. It needs somebody: velar claim { $alert }
watch-unopened-not-asked = { $time } Something from { $name } could not be opened. If you are expecting something, ask for it again.
watch-from-former = { $time } !!! Something came from { $name } that counts no more. It may matter: speak with them by another way.
watch-newer = { $time } !!! { $name } said something with a NEWER version of velar ({ $theirs }), which this one ({ $own }) cannot read. It MAY BE AN ALARM: ask { $name } some other way. It is kept; to read it, install the newer velar on this device.
watch-newer-envelope = { $time } Something came in a newer version of velar ({ $theirs }) than this one ({ $own }). Nobody knows yet who sent it. It is kept; to read it, install the newer velar on this device.
watch-unopened = { $time } Something from { $name } could not be opened; it was asked for again.
watch-unmatched = { $time } Something came by the token given to { $name } and could not be opened here. It was asked for again.
watch-unmatched-not-asked = { $time } Something came by the token given to { $name } and could not be opened here.
watch-token-taken = { $time } At { $relay } somebody else had registered the token given to { $name }; so the relay says. { $name } gets another one.
watch-token-taken-spare = { $time } At { $relay } somebody else had registered a token left with { $name } for somebody new; so the relay says. Others are left with { $name }.
watch-token-taken-invitation = { $time } At { $relay } somebody else had registered the token of an invitation; so the relay says. Nobody can answer it there. To make another: velar invite
watch-answer-refused = { $time } An answer to your invitation does not fit it, by its relay, keys or time, and was not taken. Somebody else may have the link. To make another: velar invite
watch-token-ended = { $time } The earlier token of { $name } counts no more: it was kept for 30 days. Whether { $name } has the new one is not known here.
watch-no-room = { $time } The relay { $relay } has no room for the tokens of: { $names }. What they send you there does not arrive until it has. It is asked again every few minutes.
watch-clock = { $time } This device's clock and the relay's differ by { $minutes } minutes. Check the time of this device.
watch-clock-unclear = { $time } This device's clock and the relay's differ by { $minutes } minutes. The relay says that its own was set. Compare this device's time with another clock.
watch-not-opened = { $time } The relay { $relay } did not take all keys of this device ({ $why }): some people may not reach you. It is tried again with the next connection.
watch-exec-failed = { $time } The command of --exec did not work: { $detail }
watch-presence = { $time } Watching now: { $names }
watch-vault = { $time } *** { $why } *** Until that is over, nothing new arrives here. It is tried again every few seconds.
watch-stopped = { $time } Watch ended. Alerts do not reach this terminal any more.

### status, presence

status-vault = Vault: { $path }
status-no-circle = No circle yet. Next: velar circle new, or velar join if you were invited.
status-joining = Answer to the invitation sent; not let in yet. Next: velar join
status-connected = Connection: { $relay } answers.
status-disconnected = Connection: NONE to { $relay }. What you send is kept here.
status-unopenable = Your mailbox at { $relay } could NOT be opened again if that relay lost its disk. Ask whoever runs it for an access token, then: velar relays token { $relay } --access-token-file FILE
status-disconnected-one = Connection: NONE to { $relay } now. What is sent through your other relays arrives; who does not know of those yet cannot reach you.
status-queue-empty = Nothing is waiting to be sent.
status-unopened-unknown = { $count ->
    [one] { $count } envelope came since yesterday that could not be opened here. By whose token is not known.
   *[other] { $count } envelopes came since yesterday that could not be opened here. By whose token is not known.
}
many-unopened-member = Many envelopes come by the token given to { $name }, and none of them can be opened here: { $count } since yesterday. So the relay says; a relay can lie.
many-unopened-earlier = Many envelopes come by the earlier token of { $name }, and none of them can be opened here: { $count } since yesterday. So the relay says; a relay can lie.
many-unopened-spare = Many envelopes come by a token left with { $name } for somebody new, and none of them can be opened here: { $count } since yesterday. So the relay says; a relay can lie.
many-unopened-invitation = Many envelopes come by the token of an invitation, and none of them can be opened here: { $count } since yesterday. So the relay says; a relay can lie. It ends with the invitation.
many-unopened-next = To give { $name } another token: velar members new-token { $id }
many-unopened-end = To end the earlier one now: velar members new-token { $id } --now
status-exchange-pending = { $name } gets another token as soon as a relay has registered it. Until then the one that { $name } has counts.
status-exchange = { $name } is being told of another token. The earlier one counts until { $name } has it and has checked in since, until { $time } at the latest. To end it now: velar members new-token { $id } --now
status-queue = { $count ->
    [one] { $count } message is waiting to be sent.
   *[other] { $count } messages are waiting to be sent.
}
status-unreceived = { $count ->
    [one] { $count } message is sent, but not received by: { $names }
   *[other] { $count } messages are sent, but not received by: { $names }
}
status-last-checkin = Your last check-in: { $time }
status-no-checkin = You have not checked in yet.
status-next-checkin = Next check-in: before { $time }
status-member-checkin = { $name }: last check-in { $time }
status-member-due = { $name }: last check-in { $time }, next before { $due }
status-member-late = { $name }: LATE. Last check-in { $time }; the next was due before { $due }
status-alerts = { $count ->
    [0] No open alerts.
    [one] { $count } OPEN ALERT: velar alerts
   *[other] { $count } OPEN ALERTS: velar alerts
}
status-unread = { $count ->
    [0] No new messages.
    [one] { $count } new message: velar inbox
   *[other] { $count } new messages: velar inbox
}
status-newer = { $count ->
    [one] { $count } message from { $names } was said with a newer velar, and this one cannot read it. It may be an alarm: ask { $names } some other way. It is kept; to read it, install the newer velar on this device.
   *[other] { $count } messages from { $names } were said with a newer velar, and this one cannot read them. They may be alarms: ask { $names } some other way. They are kept; to read them, install the newer velar on this device.
}
status-newer-envelopes = { $count ->
    [one] { $count } thing came in a newer version of velar. Nobody knows yet who sent it. To read it, install the newer velar on this device.
   *[other] { $count } things came in a newer version of velar. Nobody knows yet who sent them. To read them, install the newer velar on this device.
}
status-requests = { $count ->
    [one] { $count } person asks to join: velar approve
   *[other] { $count } people ask to join: velar approve
}
status-no-successor = Nobody can stand in for the lead coordinator: if they are missing, the circle cannot be changed.
status-clock = This device's clock and the relay's differ by { $minutes } minutes. Check the time of this device.
status-clock-unclear = This device's clock and the relay's differ by { $minutes } minutes. The relay says that its own was set. Compare this device's time with another clock.
relay-clock-forward = The relay { $relay } says that its clock was set forward by { $minutes } minutes. Deadlines are kept all the same. Tell whoever runs the relay.
relay-clock-back = The relay { $relay } says that its clock was set back by { $minutes } minutes. Deadlines are kept all the same. Tell whoever runs the relay.
presence-count = { $count } of { $total } watching: { $names }
presence-unknown = Who is watching is not known: nobody has answered yet.

### Errors of the command line

error-usage-command = There is no command "{ $given }".
    .next = velar --help shows all commands. In danger: velar panic
error-usage-command-meant = There is no command "{ $given }". Did you mean "{ $meant }"?
    .next = If so: velar { $meant }. All commands: velar --help. In danger: velar panic
error-usage-option = "{ $given }" is not understood here.
    .next = The command's help says what it takes; add --help to it.
error-usage-option-meant = "{ $given }" is not understood here. Did you mean { $meant }?
    .next = If so, write { $meant }. More: add --help to the command.
error-usage-value = "{ $given }" does not fit { $option }.
    .next = The command's help says what is expected; add --help to it.
error-usage-value-one-of = "{ $given }" does not fit { $option }. It is one of: { $possible }
    .next = The command's help has examples; add --help.
error-usage-value-missing = { $option } needs a value.
    .next = Write it after the option. Examples: add --help to the command.
error-usage-missing = Something is missing: { $missing }
    .next = Add it. Examples: add --help to the command.
error-usage-conflict = { $option } and { $other } do not go together.
    .next = Use only one of them.
error-usage-twice = { $option } was given twice.
    .next = Give it once.
error-usage-subcommand = It is not said what to do.
    .next = Add --help to see what there is. In danger: velar panic
error-usage-other = The command line was not understood.
    .next = velar --help shows all commands. In danger: velar panic

### Errors: vault and passphrase

error-wrong-passphrase = The passphrase does not open this vault.
    .next = Try again; check upper case and the keyboard's language.
error-passphrase-missing = The vault needs its passphrase, and there is no terminal to ask for it.
    .next = Give it with --passphrase-file FILE or --passphrase-fd N.
error-passphrase-file = The passphrase could not be read from { $path }: { $detail }
    .next = Check that the file exists and that you may read it.
error-passphrase-fd = The passphrase could not be read from descriptor { $fd }: { $detail }
    .next = Check that the calling program opens that descriptor.
error-passphrase-empty = The passphrase is empty.
    .next = Choose several words that nobody would guess.
error-passphrases-differ = The two passphrases are not the same.
    .next = Nothing was made. Try again.
error-vault-missing = There is no vault in { $path }.
    .next = Make one with velar init, or say where it is with --vault DIR.
error-vault-exists = There is a vault in { $path } already; nothing was changed.
    .next = Use it, or choose another folder with --vault DIR.
error-vault-incomplete = The vault in { $path } was never finished.
    .next = Move that folder away, then: velar init
error-vault-no-place = It is not known where the vault is: there is no home folder.
    .next = Say where with --vault DIR, or set VELAR_VAULT.
error-vault-damaged = The vault in { $path } is damaged: { $detail }
    .next = Do not delete anything. Copy the folder, then ask your circle's coordinator for a new invitation.
error-vault-foreign = The database in { $path } is not as velar makes it: somebody changed it, or it is damaged. It was left as it is.
    .next = Copy the folder and delete nothing. Then take over a backup into a new vault: velar init and velar restore FILE, with --vault DIR. Without a backup, ask your lead coordinator for a new invitation.
error-vault-newer = The vault in { $path } was made by a newer version of velar.
    .next = Install the newer version.
error-vault-busy = The vault in { $path } is busy with another velar command.
    .next = Wait a moment and try again.
error-vault-io = The vault in { $path } cannot be read or written: { $detail }
    .next = Check the folder, its permissions and the disk.
error-disk-full = There is no space left on the disk of { $path }.
    .next = Free some space and try again. Nothing already kept is lost.

error-passphrase-file-exposed = Other users of this device may read { $path }; it holds a passphrase.
    .next = Close it to them: chmod 600 { $path }
error-passphrase-short = The passphrase has fewer than { $count } characters.
    .next = Choose several words that nobody would guess.
error-passphrase-long = What was given as passphrase has more than { $count } bytes.
    .next = It is probably the wrong file. Check it.
error-passphrase-not-text = What was given as passphrase is not text.
    .next = It is probably the wrong file, or one with another encoding than UTF-8. Check it.
error-passphrase-in-use = This passphrase opens the vault already.
    .next = Choose another one.
error-vault-permission = You may not use { $path }.
    .next = Check whose the folder is: ls -ld { $path }
error-no-memory = There is not enough memory to open the vault (about 64 MiB are needed).
    .next = Close other programs and try again.
error-no-randomness = The system gives no random numbers.
    .next = Nothing was done. Restart the device; without them no key can be made.

### Errors: circle, invitation, members

error-no-circle = This vault does not belong to a circle yet.
    .next = Form one with velar circle new, or join one with velar join.
error-circle-exists = This vault belongs to the circle "{ $circle }" already.
    .next = For another circle use another vault: --vault DIR
error-in-circle = This vault belongs to a circle already, or is joining one.
    .next = velar circle show says which. For another circle use another vault: --vault DIR
error-circle-full = The circle is full: 32 members at most.
    .next = Remove somebody first, or form another circle with another vault.
error-not-lead = Only the circle's lead coordinator can do this.
    .next = velar circle show says who that is. Ask them.
error-removed = This device is not in the circle any more. Nobody there hears its check-ins or alarms.
    .next = Speak with the circle by another way. What came before is still here: velar inbox, velar alerts, velar log. To be in a circle again you need an invitation and another vault: --vault DIR
error-lead-stays = You lead this circle: without you nobody could change it any more.
    .next = Remove others, or form a new circle with another vault: velar circle new
error-remove-unconfirmed = { $name } was not removed: there is nobody here to ask.
    .next = If you mean it: velar members remove { $name } --yes
error-new-token-unconfirmed = The token of { $name } was not ended: there is nobody here to ask.
    .next = If you mean it: velar members new-token { $name } --now --yes
error-not-allowed = Your role in the circle does not allow this.
    .next = velar circle show says what your roles are. Ask a coordinator of the circle.
error-roster-conflict = Two member lists of this circle contradict each other: somebody else claims to lead it.
    .next = Speak with the circle in person or by voice before you go on.
error-join-pending = You have answered an invitation, but are not let in yet.
    .next = Go on with: velar join
error-name-bad = "{ $name }" cannot be used as a name (at most { $limit } characters).
    .next = Use 1 to { $limit } characters, with at least one letter and no control characters.
error-name-taken = There is somebody named { $name } in the circle already.
    .next = Choose another name. When approving: velar approve --name NAME
error-name-missing = Your name is missing.
    .next = Add --me NAME, as the circle will see you.
error-link-bad = That is not a complete invitation: { $detail }
    .next = Copy it whole, or scan it again, and put it in single quotes: it contains a # and a !.
error-link-missing = There is no invitation to go on with.
    .next = Ask a coordinator for a link: velar join --link-file FILE --me NAME
error-link-file = The link could not be read from { $path }: { $detail }
    .next = Check that the file exists and that you may read it.
error-invitation-gone = The invitation is not at the relay: it has expired, or was used or voided.
    .next = Ask the coordinator for a new one.
error-invitation-expired = The invitation has expired.
    .next = Ask the coordinator for a new one. If it is new: check the date and time of this device.
error-invitation-false = What lies at the relay for this invitation was NOT made by whoever gave it to you. Nothing was answered.
    .next = Somebody else may have seen the link. Ask the coordinator for a new one, in person.
error-invitation-newer = This velar is older than the one that made the invitation, and cannot read it. Nothing was answered.
    .next = Install the newer velar on this device, then answer the invitation again.
error-invitation-void = The invitation is void: two people answered it, or it was turned down. Nobody was let in.
    .next = A new one is needed, in person: the coordinator makes it with velar invite.
error-invitation-twice = This invitation was answered TWICE. Somebody else may have seen it. It is void, and nobody was let in.
    .next = Make a new one, in person: velar invite
error-words-differ = The four words DO NOT match. Somebody may be between you. Nobody was let in.
    .next = Read all four to each other once more, slowly. If they still differ, the coordinator types velar approve --reject; meet in person and begin again with velar invite.
error-words-count = { $count } words were given; there are four.
    .next = Read all four to each other and try again.
error-words-missing = The four words have to be compared, and there is no terminal to ask.
    .next = Give the words you heard: --words "one two three four"
error-invitations-many = Too many invitations are open; the relay would take no more.
    .next = Turn down those that were answered by mistake (velar approve --reject), or wait: one that nobody answers is put away after 16 days.
error-tokens-many = Too many tokens count at once; the relay would take no more.
    .next = Wait until others that you exchanged are over (velar status), or until open invitations end.
error-exchanges-many = The tokens of 16 people are being exchanged already. One more would end a token by which somebody's alarm still comes.
    .next = Wait until one of them has the new one (velar status). To end the earlier one of somebody who has no need of it: velar members new-token NAME --now
error-approve-none = Nobody is waiting for your approval.
    .next = Make an invitation with velar invite, or wait until the person has answered.
error-approve-several = Several people wait for your approval.
    .next = Give the words of the one you mean: velar approve --words "one two three four"
error-member-unknown = There is nobody "{ $name }" in the circle.
    .next = velar members shows who is in it.
error-member-several = "{ $name }" could be several: { $members }
    .next = Use more of the name, or the short id: velar members
error-member-self = That is you.
    .next = Name another member: velar members
error-member-none = There is nobody like that in the circle.
    .next = velar members shows who is in it.
error-member-ambiguous = That could be several members.
    .next = Use more of the name, or the short id: velar members
error-member-keys = Nothing can be sealed for member { $member }: their keys cannot be used.
    .next = Ask them to run velar status. If that does not help, they have to be invited again.

### Errors: alerts

error-alert-none = There is no open alert.
    .next = velar alerts --all shows the closed ones. In danger: velar panic
error-alert-unknown = There is no alert "{ $alert }".
    .next = velar alerts shows them.
error-alert-several = Several alerts are open: { $alerts }
    .next = Say which one: add its short id. velar alerts shows them.
error-alert-closed = Alert { $alert } is closed already.
    .next = If there is danger again: velar panic
error-stand-down-not-yours = Alert { $alert } is { $name }'s: only { $name } can ask to stand down.
    .next = To confirm that { $name } is safe: velar stand-down { $alert } --confirm
error-stand-down-none = You have no open alert.
    .next = velar alerts --all says how the last one ended. In danger: velar panic
error-close-unconfirmed = Nobody has confirmed that { $name } is safe. Nothing was closed.
    .next = To close it all the same: velar close --unconfirmed
error-stand-down-own = Alert { $alert } is yours: that you are safe is confirmed by a second person.
    .next = Ask somebody of the circle to type: velar stand-down { $alert } --confirm
error-stand-down-not-asked = { $name } has not said "I am safe" in alert { $alert }.
    .next = If you know more, write it: velar note { $alert } …
error-close-own = Your own alert is closed by another person.
    .next = If you are safe: velar stand-down
error-alert-ambiguous = Several alerts are open.
    .next = Say which one: add its short id. velar alerts shows them.
error-alert-another-person = This is your own alert: another person has to do that.
    .next = Ask somebody of the circle. If you are safe: velar stand-down
error-alert-not-yours = The alert is about somebody else.
    .next = To confirm that they are safe: velar stand-down --confirm
error-alert-not-yours-to-release = You have not taken this alert.
    .next = velar alerts shows who has.
error-alert-not-asked = Nobody has said "I am safe" in this alert.
    .next = If you know more, write it: velar note …
error-text-missing = The text is missing.
    .next = Write it after the command; quotes are not needed.
error-text-long = The text is { $count } bytes long; { $limit } fit.
    .next = Shorten it, or send it in several.
error-text-bad = A name or text is empty, too long, or has characters that cannot be shown.
    .next = Write something shorter, with letters.
error-declined = Nothing was done.
    .next = Run it again when you are ready.

### Errors: relay and network

error-relay-address = "{ $given }" is not a relay address: { $detail }
    .next = It looks like velar://host:port#pin. Put it in quotes; whoever operates the relay has it.
error-relay-unreachable = The relay { $relay } cannot be reached: { $detail }
    .next = Check the connection. What was to be sent is kept here; velar watch sends it.
error-relay-full = The relay { $relay } has no room for it now, on its disk or in the mailbox that it is for.
    .next = It is kept here and tried again. If it lasts, tell whoever runs the relay.
error-relay-full-nothing-kept = The relay { $relay } has no room for it now.
    .next = Nothing was changed. Try again later, or tell whoever runs the relay.
error-token-taken = At the relay { $relay } somebody else had registered the token by which the answer would come; so it says.
    .next = Somebody may be interfering. Try with another invitation. If it happens again, tell whoever runs the relay, or use another relay.
error-relay-unreachable-nothing-kept = The relay { $relay } cannot be reached: { $detail }
    .next = Check the connection and the address, and try again. Nothing was changed.
error-relay-pin = Whoever answers at { $relay } is NOT the relay that its address promises. Nothing was sent.
    .next = Somebody may be interfering, or the relay has a new key. Ask its operator by another way; do not go on until then.
error-relay-older = The relay { $relay } is older than this velar: they speak different versions of the protocol.
    .next = Ask the relay's operator to upgrade it.
error-relay-newer = This velar is older than the relay { $relay }: they speak different versions of the protocol.
    .next = Install the newest velar on this device.
error-relay-refused = The relay { $relay } refused: { $detail }
    .next = Ask the relay's operator. velar status shows what is still waiting.
error-relay-access-token = The relay { $relay } opens a new mailbox only with an access token that is valid there.
    .next = If you were invited, ask for another invitation. Otherwise ask whoever runs the relay for a token, and give it with --access-token-file FILE.
error-relay-access-spent = The relay { $relay } did not open a mailbox for you: the invitation, or the access token that is good once, was used already, or its time is over.
    .next = If you did not use it before, somebody else may have seen it: tell the person who gave it to you, and ask for a new one.
error-invite-access-token = No invitation was made: the relay { $relay } opens mailboxes for new people only with an access token, and this device has none that is valid there.
    .next = Ask whoever runs the relay for one of your own, then: velar relays token { $relay } --access-token-file FILE
error-once-access-token = This device has no access token of its own at { $relay }, so it can make none for others.
    .next = Ask whoever runs the relay for one of your own, then: velar relays token { $relay } --access-token-file FILE
error-once-needless = This device has an access token of its own at { $relay }. Nothing was changed.
    .next = Keep the one that is good once for somebody else.
error-access-token-form = There is no access token in { $path }.
    .next = It is one line that begins with velar-access- or velar-once-, as it was given to you.
error-access-token-wrong = The access token is not valid at { $relay }. Nothing was changed.
    .next = Ask whoever runs the relay for another one.
error-access-token-file = The access token could not be read from { $path }: { $detail }
    .next = The file holds one line, as whoever runs the relay gave it to you.

### Reasons, inside of an error ({ $detail }, { $reason })

reason-no-socket = this device could not open a network connection
reason-unresolved = the name { $host } is not known
reason-no-route = there is no network, or no way to { $host }
reason-timeout = no answer in time
reason-handshake = { $host } does not answer as a Velar relay
reason-pin = it is NOT the relay that its address promises
reason-older = it is older than this velar, and speaks another version of the protocol
reason-newer = it is newer than this velar, and speaks another version of the protocol
reason-busy = the relay has no room for another connection
reason-unavailable = the relay cannot do it now
reason-full = the relay has no room for it now
reason-protocol = the relay's answer makes no sense
reason-closed = the relay closed the connection
reason-lost = the connection was lost
reason-exec-code = it ended with code { $code }
reason-exec-killed = it was ended by a signal
reason-exec-long = it ran for over a minute and was ended
reason-refused-malformed = it did not understand the request
reason-refused-proof = it did not accept this device's proof
reason-refused-access = the access token is missing, wrong or no longer valid
reason-refused-spent = its leave to open a mailbox was used already, or its time is over
reason-refused-mailbox = the mailbox is not open there
reason-refused-token = this device may not send to that person any more
reason-token-taken = somebody else had registered the token
reason-refused-hold = it did not accept the hold
reason-refused-too-many = this connection asks for too much
reason-damaged-slots = the passphrase file
reason-damaged-database = the database
reason-damaged-record = a record ({ $kind })
reason-file-missing = there is no such file or folder
reason-file-permission = you have no permission
reason-file-is-folder = it is a folder
reason-file-not-text = it is not text
reason-broken-pipe = the output was closed
reason-disk-full = the disk is full
reason-link-scheme = it does not begin with velar-join://
reason-link-seed = its end is missing
reason-address-scheme = it does not begin with velar://
reason-address-host = host or port are missing
reason-address-pin = the pin after # is missing or incomplete

### Other errors

error-input = The text could not be read: { $detail }
    .next = Write it after the command, or pipe it in as UTF-8 text.
error-watch-output = Nobody reads this watch any more: { $detail }. Alerts would have reached nobody, so it ended.
    .next = Start it again, and check the program or disk it writes to.
error-output = The output could not be written: { $detail }
    .next = If the command changes something, that was done: velar status shows it. Check the disk or the program that reads it.
error-log-filter = "{ $given }" is not a filter for technical messages.
    .next = Use error, warn, info, debug or trace; for instance --log debug
warning-log-filter = "{ $given }" is not a filter for technical messages. It was left aside.
warning-damage = { $count ->
    [one] { $count } record of the vault cannot be read: something may be missing from what is shown.
   *[other] { $count } records of the vault cannot be read: something may be missing from what is shown.
} Copy the vault's folder before anything else.
warning-exposed = Other users of this device could read the vault's files until now; they are closed to them again. Only the passphrase protected them meanwhile.
error-interrupted = Interrupted.
    .next = What is kept here goes out while velar watch is open.
error-internal = Something went wrong inside velar: { $detail }
    .next = Try again. If it happens again, report it (SECURITY.md and README.md say how), without names or texts.

## Plans and deadlines

plan-none = There is no plan.
plan-how = To agree on when you check in: velar plan set --every 60m, or --at 09:00,20:00
plan-is = Your plan: { $plan }
plan-set = Plan agreed: { $plan }
plan-set-kept = Plan: { $plan }. Nobody knows of it yet: until it goes out, your circle waits for what was agreed before.
plan-ended = No check-in is agreed from now on: your circle does not wait for one.
plan-ended-kept = No check-in is to be agreed any more. Nobody knows of it yet: until it goes out, your circle waits for the one agreed before.
plan-silent = Planned silence until { $time }.
plan-silent-kept = Planned silence until { $time }. Nobody knows of it yet: until it goes out, your circle waits for the check-in agreed before.
plan-silence-over = The planned silence is over.
plan-silence-over-kept = The planned silence is to be over. Nobody knows of it yet: until it goes out, your circle expects nothing before its end.
plan-silence-how = Back earlier? velar plan silence --over
plan-every = a check-in every { $time }
plan-at = check-ins at { $times } ({ $zone })
plan-grace = grace { $time }
plan-until = until { $time }
plan-over = over: no check-in is agreed any more
plan-silent-until = planned silence until { $time }
plan-with-itinerary = with an itinerary
plan-flags = Said with each check-in: { $flags }
plan-itinerary = Itinerary, which nobody reads unless a check-in is missed:
checkin-no-next = No next check-in is agreed.
checkin-no-plan = You have no plan: this is your circle's interval in base. For other times, or none: velar plan --help
checkin-silence = Planned silence: check in again before { $time }
alerts-cannot-know = { $name }: CANNOT KNOW. The check-in was due before { $due }, and no relay has answered since. Ask { $name } by another way.
status-member-unknown = { $name }: CANNOT KNOW. Last check-in { $time }; the next was due before { $due }, and no relay has answered since
status-own-late = Your check-in was due before { $time }: velar checkin
watch-cannot-know = { $time } !!! CANNOT KNOW whether { $name } has checked in: it was due before { $due }, and no relay has answered since. Ask { $name } by another way.
watch-late-unkept = { $time } *** { $name } HAS NOT CHECKED IN ***: it was due before { $due }. The vault cannot be written, so it is no alert here yet. Get in touch with { $name } and tell the others.
watch-own-soon = { $time } Your check-in is due before { $due }: velar checkin
watch-own-due = { $time } *** YOUR CHECK-IN IS DUE, since { $due } ***: velar checkin
watch-clock-ahead = { $time } !!! The clock of this device was set AHEAD by { $minutes } minutes. Somebody may look late who is not. Check the time of this device.
watch-clock-back = { $time } !!! The clock of this device was set BACK by { $minutes } minutes. Deadlines are kept all the same. Check the time of this device.
watch-overdue-last = { $time } Last check-in of { $name }: { $last }; the next was due before { $due }.
watch-checkin-open = { $time } Alert { $alert } of { $name } stays open until somebody has spoken with { $name }: velar claim { $alert }, then velar close { $alert }
watch-outdated = { $time } A relay gave out what { $name } had left with it for a silence, but { $name } has checked in since. Nothing rings.
watch-outdated-passed-on = { $time } { $by } passes on that { $name } did not check in, but a newer check-in of { $name } is here. Nothing rings.
error-plan-past = That time has passed already, or is not a time at all. Nothing was changed.
    .next = Give a later one: 18:00, "2026-11-25 18:00" or 2h
error-plan-far = You would be missed only after more than 30 days, grace and margin included. Nothing was changed.
    .next = Choose a shorter time, so that somebody hears from you before that.
error-plan-zone = There is no time zone "{ $zone }".
    .next = It looks like America/Mexico_City or Europe/Madrid.
error-plan-zone-unknown = The time zone of this device is not known by a name.
    .next = Say which one the times are in: --zone America/Mexico_City
error-plan-itinerary = The itinerary has more than { $limit } bytes.
    .next = Shorten it: it has to fit into one sealed envelope.
error-plan-file = The itinerary could not be read from { $path }: { $detail }
    .next = Check that the file exists and that you may read it.
error-plan-not-silent = No planned silence is going on.
    .next = velar plan shows what is agreed. To check in: velar checkin

## Several relays

help-cmd-relays = The relays through which this device is reached
    .more = With two relays of different organisations, one that is seized, blocked or down costs nothing.
help-cmd-relays-list = Show them, and whether each answers
help-cmd-relays-add = Be reached through one more relay, too
help-arg-relays-add-relay = Address of the relay, with its pin: velar://host:port#pin
    .value = ADDRESS
help-arg-relays-add-access-token-file = File with your access token, if the relay asks for one
    .value = FILE
help-cmd-relays-token = Use an access token of your own at a relay: for inviting, and to open your mailbox again
    .more = Whoever runs the relay gives it to you. An invitation carries leave for one mailbox, never the token.
help-arg-relays-token-relay = Its host, host:port, or whole address
    .value = RELAY
help-arg-relays-token-access-token-file = File with the access token
    .value = FILE
help-cmd-relays-once = Make an access token that is good once: by it somebody else uses a relay, too, where you have one
    .more = It opens one mailbox, for whoever uses it first. Your own access token stays with you.
help-arg-relays-once-relay = Its host, host:port, or whole address
    .value = RELAY
help-cmd-relays-leave = Be reached through a relay no longer
help-arg-relays-leave-relay = Its host, host:port, or whole address
    .value = RELAY
relays-answers = { $relay } answers.
relays-silent = { $relay } does not answer now.
relays-left = { $relay } was left ({ $time }); what is still there for you is read for 14 days.
relays-no-room = { $relay } has no room for the tokens of: { $names }. What they send you there does not arrive until it has.
relays-taken = { $relay } says that somebody else had registered the tokens of: { $names }. They get others, a few an hour.
relays-one = This is your only relay. A second one, of another organisation: velar relays add
relays-added = You are reached through { $relay }, too. The others have been told, or will be when they connect.
relays-added-kept = { $relay } does not answer yet. It is kept: whatever you do next tries again.
relays-token = This device uses the access token at { $relay } from now on. To invite somebody: velar invite
relays-token-kept = { $relay } does not answer now, so the access token could not be tried. It is kept: velar invite tries it.
relays-once = This is the only time that it is shown. It opens one mailbox at { $relay }, for whoever uses it first, until { $time }. Give it to one person by a way that nobody else reads. They keep it in a file, then: velar relays add { $address } --access-token-file FILE
relays-leaving = You leave { $relay }. The others are told; what is still there for you is read for 14 days.
help-cmd-relays-allow = Send to a relay that nobody but one member uses
help-arg-relays-allow-relay = Its host, host:port, or whole address
    .value = RELAY
help-cmd-relays-refuse = Never connect to a relay that a member uses
    .more = Whoever runs a relay sees the IP address of each device that connects to it, and when.
help-arg-relays-refuse-relay = Its host, host:port, or whole address
    .value = RELAY
relays-named-known = { $relay }: what you send to { $names } goes there.
relays-named-asks = { $relay }: where { $names } is reached, and nobody else. NOT USED until you decide: velar relays allow { $relay } or velar relays refuse { $relay }
relays-named-refused = { $relay }: where { $names } is reached. You refused it. To change that: velar relays allow { $relay }
relays-why = Whoever runs a relay sees your IP address, and when you send there. Ask the member some other way why they use it.
relays-allowed = What you send to { $names } goes to { $relay } from now on.
relays-refused = This device does not connect to { $relay } any more.
relays-refused-only = NOTHING is sent to { $names } now, not even an alarm: they are reached nowhere else. Tell them some other way.
error-relay-own = You are reached through { $relay } yourself.
    .next = To use it no longer: velar relays leave { $relay }
error-relay-nobodys = Nobody here is reached at { $relay }.
    .next = velar relays shows where people are reached.
relays-leaving-kept = Nobody could be told yet. Whatever you do next tries again.
error-relay-known = You are reached through this relay already.
    .next = velar relays shows those in use.
error-relays-many = You are reached through { $count } relays already; no more fit.
    .next = Leave one first: velar relays leave
error-relay-unknown = There is no such relay among yours.
    .next = velar relays shows those in use.
error-relay-ambiguous = That could be several relays.
    .next = Write its port, too: host:port
error-relay-last = This is the only relay through which anything reaches you.
    .next = Add another first, and wait until it answers: velar relays add, velar relays

## Log, wipe, backup

log-empty = The log is empty: no alert has come to this device yet.
log-head = Head of the log: { $head }
log-raised = { $by } raised the alarm
log-raised-by = { $by } raised the alarm about { $name }
log-raised-about = Alarm about { $name }: { $reason }
log-drill = { $line } (drill)
log-claimed = { $by } took the alert
log-released = { $by } gave the alert back
log-noted = { $by } wrote:
log-stand-down-asked = { $by } said "I am safe"
log-stand-down-confirmed = { $by } confirmed that the person is safe
log-closed = { $by } closed the alert
log-handed-over = { $by } asked { $to } to take the alert
log-first-hand = { $by } said it too: what others had passed on before
log-received = { $by }'s terminal received this device's alarm
log-exported = { $by } exported the log, with this consent:
log-other = Something that this version does not know
log-person = [Person { $number }]
log-whole = The log is whole: { $count ->
    [one] { $count } entry
   *[other] { $count } entries
}, each following the one before it.
log-file-whole = The file is whole: { $count ->
    [one] { $count } entry
   *[other] { $count } entries
} of alert { $alert }, each in its place in the chain.
log-file-left-out = Left out of it: { $words ->
    [one] { $words } word or id
   *[other] { $words } words or ids
}, and { $entries ->
    [one] { $entries } whole entry
   *[other] { $entries } whole entries
}, most likely of other alerts. What was left out was not changed either.
log-compare-none = That it is the same log as before is shown only by a head that was noted then: --head HEAD
log-compare-same = It is the log whose head was noted.
log-compare-before = The noted head is older than the first entry of this file: it says nothing about it.
log-exported-to = Written: { $path }
log-exported-note = Head of the log, to be noted or told to somebody you trust: { $head }
log-exported-digest = Digest of the JSON file: { $digest }
log-exported-names = All names are in it. To leave some out: --redact NAME, or --redact all
log-exported-redacted = { $count ->
    [0] Words were left out of the texts.
    [one] { $count } person was left out, by id and name, in the texts too.
   *[other] { $count } people were left out, by id and name, in the texts too.
} Read it before you hand it on.
log-note-one-device = This is what one device heard and said, in the order in which it did. Other devices of the circle keep logs of their own; compare them.
log-note-chain = Each entry is bound to all before it. Whoever noted the head of the log earlier can check that nothing up to it was changed, moved or removed; without a noted head the file only shows that it is whole in itself.
log-note-unsigned = Nothing here is signed. It does not prove to third parties who said what.
log-note-complete = Entries of other alerts are shown only as hashes. That none of this alert is among them is not proven.
log-note-redaction = Names were left out word by word. Nicknames, misspellings, family ties, places, times, and how somebody writes stay: who was there may recognise people.
log-note-names = This document holds names. Whoever has it can harm those who are named; give it only to whom they agreed to.
log-md-title = Log of alert { $alert }
log-md-exported = Exported: { $time }
log-md-clock = Times are by the clock of whoever said something; "arrived" is by the clock of the device that keeps this log.
log-md-left-out = { $count ->
    [one] { $count } person was left out. Each number stands for one person throughout; who that is, only whoever exported this knows.
   *[other] { $count } people were left out. Each number stands for one person throughout; who that is, only whoever exported this knows.
}
log-md-head = Head of the log:
log-md-digest = Digest of the JSON file to check this by:
log-md-consent = Consent
log-md-events = What happened
log-md-arrived = Arrived { $time }.
log-md-passed-on = Passed on by { $by }.
log-md-others = { $count ->
    [one] { $count } entry of the log in between is not shown.
   *[other] { $count } entries of the log in between are not shown.
}
log-md-notes = How to read this
# What is typed to wipe; several words separated by spaces, the first is shown.
wipe-words = wipe borrar
wipe-warning = This destroys the vault in { $path } for good: keys, messages, the log, and the panic kit. Nobody is told and nothing at the relays is cancelled. Only a backup brings anything back.
wipe-ask = To go on, type { $word }:
wipe-keys = The keys are destroyed: no passphrase opens this vault ever again.
wipe-done = All that was Velar's in { $path } is deleted.
wipe-kit = The panic kit is destroyed too: no alarm can be raised from here.
wipe-others = Left alone, not Velar's: { $paths }
wipe-silence = Nobody was told. If a check-in was agreed, its time goes on: if it does not come, your circle is alarmed.
wipe-flash = Flash memory (phones, SSDs, cards) and copies of the disk may keep old pieces for a while. Of the vault: whoever recovers them still needs your passphrase. Of the panic kit: they see relays, and can raise an alarm in your name. Tell your circle.
backup-passphrase = The backup's own passphrase:{" "}
backup-passphrase-new = New passphrase, for the backup only:{" "}
backup-done = Backup written: { $path }
backup-what = It holds names, safety numbers, the plan and the log, but no keys and no messages. Keep it away from this device, and its passphrase away from it.
backup-of = Backup of { $name }, made { $time }
backup-plan = Plan: agreed check-ins
backup-log = Log: { $count ->
    [one] { $count } entry
   *[other] { $count } entries
}
restore-done = What was in the backup is in this vault now. The safety numbers above were those of your former device: compare them anew with everybody.
restore-plan = Nobody counts on this plan until your first check-in: velar checkin
restore-next = Next: ask a coordinator for an invitation, then velar join. Ask them to remove your former device.

error-log-consent = An alert's log is exported only with consent, in words: who agreed, when, and to what.
    .next = Ask whom it is about, then add for instance: --consent "Ana agreed on 3 May to give this to the protection mechanism"
error-log-redact = Nobody is called "{ $name }", and no text of this alert has these words. Nothing was written.
    .next = Write it as it stands there: velar log shows it. A slip here would leave a name in.
error-log-formats = Two formats need a folder.
    .next = Give an existing folder with --out, or one format.
error-log-empty = The log is empty: no alert has come to this device yet.
    .next = velar alerts fetches what lies at the relay.
error-log-unknown = The log has no alert "{ $alert }".
    .next = velar log shows what it has.
error-log-several = The log has several alerts: { $alerts }
    .next = Say which one: add its short id.
error-log-none = That is not an exported log of this version.
    .next = Give the JSON file that velar log export wrote; the Markdown one cannot be checked.
error-log-changed = Entry { $n } was CHANGED after it was written.
    .next = Do not rely on it. Every device of the circle keeps a log of its own: compare with others.
error-log-place = Entry { $n } does NOT follow the one before it: one is missing, was put in, or was moved.
    .next = Do not rely on it. Every device of the circle keeps a log of its own: compare with others.
error-log-cut = The log ends with entry { $n }, and it had gone on: the end is MISSING.
    .next = Ask for the whole of it. Every device of the circle keeps a log of its own: compare with others.
error-log-contradiction = The file CONTRADICTS its own entries: another alert, or no consent.
    .next = Do not rely on it. Ask for a new export.
error-log-digest = Something around the entries was CHANGED: the notes, or which person is which number.
    .next = Do not rely on it. Ask for a new export.
error-log-another = This is ANOTHER log than the one whose head is known.
    .next = Check the head you typed. If it is right, do not rely on this log; compare with others of the circle.
error-file-exists = There is a file { $path } already; it was left as it is.
    .next = Choose another name or folder.
error-file-write = { $path } could not be written: { $detail }
    .next = Check the folder, its permissions and the disk, and try again.
error-file-read = { $path } could not be read: { $detail }
    .next = Check the name and that you may read it.
error-wipe-unconfirmed = Nothing was wiped: there is nobody here to ask.
    .next = If you mean it: velar wipe --yes
error-wipe-left = The keys are destroyed, but this could not be deleted: { $paths }
    .next = Nobody can open it any more. Delete the rest by hand.
error-wipe-keys = NOT EVERYTHING could be destroyed: { $paths }
    .next = Try again as the owner of the folder. If that does not help, destroy the device or its memory.
error-vault-gone = The vault in { $path } is not there any more: it was wiped, moved or deleted while velar was running.
    .next = Nothing more is received or sent from here. If you did not do that, warn your circle by another way.
error-backup-none = { $path } is not a backup of Velar.
    .next = Check the name.
error-backup-locked = { $path } does not open: the passphrase is another one, or the file is damaged.
    .next = A backup has a passphrase of its own, not the vault's. Try again, or use another copy.
error-backup-newer = { $path } was made by a newer version of velar.
    .next = Install the newer version.
error-restore-in-circle = This vault is in a circle, joining one, or has a log already. Nothing was taken over.
    .next = To look at the backup: velar restore FILE --show. To take it over: a new vault, with --vault DIR and velar init.
## Keeping watch: shifts, tiers, handing over, drills, contacts, the agreement

presence-heard = { $name } ({ $time })
presence-silent = No answer now: { $names }
presence-nobody = NOBODY is watching, as far as is known (0 of { $total }).
presence-nobody-next = What you send waits for them. If you go somewhere dangerous, speak with somebody first.
presence-no-accompaniers = There is nobody in the circle yet who could answer an alert.
drill-line = { $line } (drill)
watch-drill-text = { $time } *** DRILL { $alert } *** { $name }: { $text }
watch-off-shift = { $time } Not on shift: the others are not told that you watch. A panic rings here all the same.
watch-tier-two = { $time } *** ALERT { $alert } of { $name } *** Nobody of those on shift has taken it, since { $since }. Now everybody is asked: velar claim { $alert }
watch-tier-three = { $time } *** ALERT { $alert } of { $name } *** NOBODY has taken it, since { $since }.
watch-handed-to-you = { $time } *** ALERT { $alert } of { $name } *** { $by } asks you to take it: velar claim { $alert }
watch-agreed = { $time } { $name } has changed what the circle agreed: velar circle show
watch-agreed-own = { $time } You have changed what the circle agreed.
watch-contacts-set = { $time } { $name } has changed whom to turn to outside the circle: velar contacts
alert-handed = { $by } asks { $to } to take it: velar claim { $alert }
outside-drill = This is a drill: read it aloud, and turn to nobody outside.
outside-try = 1. Try { $name } once more by every way, and those who are near.
outside-call = 2. Then turn to these, from the top: who, where, since when, what you ask for.
outside-nobody = 2. No contacts outside are agreed. A coordinator adds them: velar contacts add
outside-contact = { $name }: { $how }
outside-note = 3. Write down what you do: velar note { $alert } …
outside-person = Velar calls nobody. One of you does.
hand-over-done = { $name } is asked to take alert { $alert }. Until then it stays yours.
hand-over-next = If { $name } does not take it soon, call them.
drill-raised = DRILL RAISED ({ $alert }), { $time }. Everybody sees that it is a drill. In danger: velar panic
drill-next = Later: velar drill --report. Somebody else ends it: velar close { $alert }
drill-report = Drill { $alert } of { $name }, { $time }
drill-not-received = not yet
drill-not-known = not known here
drill-not-taken = –
column-received = received after
column-taken = taken after
contacts-none = No contacts outside the circle yet. A coordinator adds them: velar contacts add
contacts-when = They are shown when nobody takes an alert. Velar calls nobody: a person does.
agree-done = Agreed. The circle is told.
agreement-intervals = Check-ins: every { $road } on the road, { $base } in base, { $home } at home
agreement-grace = A check-in that does not come counts as missed after { $time } more
agreement-tiers = Nobody takes it: the whole circle after { $two }, contacts outside after { $three }
agreement-repeat = It rings again every { $time } until somebody takes it
agreement-quiet = A claim ends after { $time } without a sign
error-hand-over-has-it = { $name } has taken alert { $alert } already.
    .next = To leave it to them: velar release { $alert }
error-hand-over-not-they = { $name } cannot take this alert.
    .next = Ask an accompanier or coordinator who is another person than the one it is about: velar members
error-hand-over-cannot = That member cannot take this alert.
    .next = Ask an accompanier or coordinator who is another person than the one it is about: velar members
error-drill-own-open = Your alert { $alert } is open. A drill now would confuse those who answer it.
    .next = When it is closed, try again. In danger: velar panic
error-drill-none = There has been no drill yet.
    .next = To practise: velar drill
error-drill-unknown = There is no drill "{ $alert }".
    .next = velar drill --report shows the latest; velar alerts --all shows all.
error-contact-unknown = There is no contact "{ $name }".
    .next = velar contacts shows the list.
error-contacts-full = The list has { $limit } contacts; more do not fit.
    .next = Take somebody off first: velar contacts remove
## What is left at relays

hold-armed = If you do not check in, { $relay } alerts your circle at { $time }.
hold-behind = { $relay } does NOT know of this check-in yet and could alert your circle at { $time }. velar status tries again; those who have your check-in do not take that for an alarm.
hold-unknown = Something is left at { $relay } for when you do not check in; until when is not confirmed. velar status asks again.
hold-nothing = Nothing is left at { $relay } yet for when you do not check in. velar status tries again.
hold-lost = { $relay } says it lost what you had left there for when you do not check in, and did not alert your circle. velar status leaves it again.
hold-lost-again = { $relay } says it lost what you had left there for when you do not check in, and lost it again. Nothing is left there until your next check-in: velar checkin
hold-left-again = The relay says it lost what was there before, and did not alert your circle. It has been left again.
hold-none = Nothing is left at any relay for when you do not check in: your circle has to notice by itself. velar status tries again.
hold-over = The time was over at { $time }: { $relay } alerts your circle, or has done so. If you are safe: velar checkin
hold-ends = What is left at { $relay } for when you do not check in is not needed any more, but is not cancelled yet: it could alert your circle at { $time }. velar status tries again.
hold-nothing-for = No relay can alert { $names } for you: the keys for that are missing, or their relay refused. Ask them to open velar status, then check in again.
hold-too-long = The relay does not keep anything that long. Check in more often: velar checkin --next 12h
hold-full = The relay has no room for it. Tell its operator.
hold-refused = The relay did not accept it this time; it is asked again.
watch-relay-asks = { $time } { $name } is now reached at { $relay }, a relay that nobody else here uses. Nothing is sent there until you decide: velar relays allow { $relay } or velar relays refuse { $relay }
status-relay-asks = { $names }: also reached at { $relay }, a relay that nobody else here uses. It is not used until you decide: velar relays allow { $relay } or velar relays refuse { $relay }
status-relay-asks-only = NOTHING but an alarm is sent to { $names }, reached only at { $relay }, a relay that nobody else here uses. Decide: velar relays allow { $relay } or velar relays refuse { $relay }
status-relay-refused-only = NOTHING is sent to { $names }, not even an alarm: you refused { $relay }. To change that: velar relays allow { $relay }
panic-relay-asks = There is no other way to { $names } than { $relay }, which you have not allowed yet: the alarm goes there all the same.
watch-hold-lost = { $time } { $relay } says it lost what you had left there for when you do not check in, and did not alert your circle. velar status leaves it again, and says whether it is there.
watch-hold-gone = { $time } What you had left at { $relay } for when you do not check in is not there any more: your circle may have been alerted. See velar alerts; if you are safe: velar stand-down
## Panic kit: an alarm without the passphrase

panic-kit-again = Your alarm { $alert } had not got everywhere: it is sent again.
panic-kit-old = This kit was sealed { $days } days ago: it may not open for everybody. Use another way too.
panic-kit-unmarked = The kit's file cannot be written: it always sends this same alarm. Use another way too.
panic-kit-prompt = The alarm is on its way. Passphrase, to see who receives it (Enter: go on without):
panic-kit-prompt-again = That does not open the vault. Again (Enter: go on without):
panic-kit-unlocked = The vault is open: who has received it shows here.
panic-kit-words = Your words did not go with it: that needs the passphrase. To send them: velar note
panic-kit-goes-on = This goes on trying until a relay has the alarm. Ctrl-C ends it.
panic-kit-summary = { $count ->
    [0] The alarm is at NO relay yet.
   *[other] The alarm is at the relay for { $count } of { $total } people. Whether they have received it cannot be known without the passphrase.
}
panic-kit-lacking = { $count ->
    [one] For { $count } person there was nothing in the kit. To reach that person too: velar status, with your passphrase.
   *[other] For { $count } people there was nothing in the kit. To reach them too: velar status, with your passphrase.
}
panic-kit-not-everywhere = It has not got to everybody's relay. To go on trying: velar panic again, or velar watch with your passphrase.
panic-kit-state = To see who has received and taken it: velar alerts, with your passphrase.
panic-kit-left = { $count ->
    [0] That was the last alarm without a passphrase. To renew the kit: velar status, with your passphrase.
    [one] One more alarm can be raised without the passphrase.
   *[other] { $count } more alarms can be raised without the passphrase.
}
panic-kit-used-up = { $count ->
    [one] The only alarm of the kit was raised and is at the relay. Another one, and a new kit, need your passphrase.
   *[other] All { $count } alarms of the kit were raised and are at the relay. Another one, and a new kit, need your passphrase.
}
panic-disarmed = The panic kit is gone from this device. velar panic asks for your passphrase from now on. To make a kit again: velar panic --arm
panic-armed = { $count ->
    [0] There is no kit yet: nobody's keys for it are here. It is made by itself as soon as they are: velar status
    [one] The panic kit is ready: one alarm can be raised without the passphrase.
   *[other] The panic kit is ready: { $count } alarms can be raised without the passphrase.
}
status-kit = { $count ->
    [0] Panic kit: none. velar panic asks for your passphrase.
    [one] Panic kit: one alarm is ready without the passphrase.
   *[other] Panic kit: { $count } alarms are ready without the passphrase.
}
status-kit-lacking = { $count ->
    [one] It has nothing for { $count } person yet: that person's keys come when both terminals have been connected.
   *[other] It has nothing for { $count } people yet: their keys come when both terminals have been connected.
}
status-kit-disarmed = Panic kit: removed by you. To make one again: velar panic --arm
watch-old-kit = { $time }  That alarm came by an OLD panic kit of { $name }: it may be { $name }, or somebody who holds a copy. Take it as real, and ask { $name } by another way.
watch-kit-copied = { $time }  ALARM { $alert } went out in your name with your panic kit, and not from here. If it was not you, somebody holds a copy: tell your circle by another way. The copy is void from now on.
error-kit = The panic kit could not be changed: { $detail }
    .next = Check the disk and the rights of the folder, then try again. Until then it is as it was.
## Duress

duress-advice = With the second passphrase everything looks as usual, and your circle learns that you may be acting under coercion. Choose one that you can say without hesitating and would not type by mistake.
duress-second = Second passphrase:{" "}
duress-set = The second passphrase is set. If there was another, it opens nothing any more.
duress-set-next = Go on with the one you have just used. Agree with your circle on what they do when you use the other.
duress-removed = Done: only the passphrase you have just used opens the vault.
error-duress-alike = This passphrase opens the vault already, or is too much like one that does.
    .next = Choose quite different words, so that a slip does not turn one into the other.
watch-duress = { $time } *** ALERT { $alert } *** { $name } may be acting under coercion: the second passphrase was used.
watch-duress-how = { $time } Nothing of this shows on { $name }'s devices. Whoever holds them reads what you send there: write calmly to { $name }, and agree among yourselves here: velar note { $alert } …
watch-duress-passed-on = { $time } { $by }'s terminal noticed it.
watch-stand-down-duress = { $time } Alert { $alert }: "I am safe" may have been said under coercion. It stays open: velar alerts
watch-stand-down-confirmed-duress = { $time } Alert { $alert }: { $by } answered { $name } calmly. For all others it stays open.
watch-stand-down-confirmed-own = { $time } Alert { $alert }: { $by } confirmed that you are safe. It was right to call: better ten false alarms than one silence.
watch-closed-own = { $time } Your alert { $alert } is closed by { $by }. It was right to call.
alert-duress = { $name } may be acting under coercion: the second passphrase was used
alert-duress-how = Nothing of this shows on { $name }'s devices, nor do your notes here. Write calmly to { $name }.
alert-stand-down-duress = { $name } says "I am safe", { $time }, perhaps under coercion. To answer calmly; it stays open for all others: velar stand-down { $alert } --confirm
stand-down-duress-advice = { $name } may be acting under coercion. A confirmation looks as usual on { $name }'s device; for all others the alert stays open.
stand-down-duress-ask = Answer { $name } as if all were well?
stand-down-duress-done = { $name }'s device shows that you confirmed. For all others alert { $alert } stays open: { $name } may be acting under coercion.
stand-down-calm = Tell { $name } that it was right to call: better ten false alarms than one silence.
close-duress-ask = { $name } may be acting under coercion. Has somebody seen { $name } safe and free to speak? Close it?
error-close-duress = { $name } may be acting under coercion. Nothing was closed.
    .next = Once somebody has seen { $name } safe and free to speak: velar close --unconfirmed
close-duress-done = { $name }'s devices show it as open until { $name } uses the passphrase of every day again.
say-duress = { $names } may be acting under coercion, and whoever holds their device reads this.
say-duress-ask = Send it?
