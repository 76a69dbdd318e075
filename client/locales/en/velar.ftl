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
        VELAR_EVENT in its environment: no names and no texts.
help-cmd-status = The state of this device: connection, what is not sent yet, who is watching
help-cmd-completions = Print completions for a shell

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
help-arg-circle-new-access-token-file = File with the access token, if the relay asks for one
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
help-arg-panic-wait = How long to wait for receipts: 30 (seconds), 2m. On a terminal it goes on until a relay has the alarm
    .value = SECONDS
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
help-arg-completions-shell = bash, zsh, fish, elvish or powershell
    .value = SHELL

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
word-you = you
word-nobody = nobody
word-unknown-member = somebody unknown
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
passphrase-advice = Choose several words that nobody would guess and that you will remember. Nobody can recover it for you.

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

### True states, for one person

state-queued = queued here, not sent yet
state-at-relay = at the relay { $relay }
state-received = received by { $name }'s terminal, { $time }
state-given-up = will not get there: they left, or their relay refuses

### What became of something sent (check-in, message, note, alert)

sent-received = Received by the terminal of: { $names }
sent-received-all = Received by everybody's terminal ({ $count }).
sent-at-relay = At the relay, not received yet by: { $names }
sent-kept = NOT SENT YET. It is kept here. To send it, leave velar watch open.
sent-not-reached = NOT reached yet: { $names }
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
panic-goes-on = This goes on trying until a relay has the alarm. Ctrl-C ends it.
panic-kept = NOT SENT YET: the alarm is kept here. To get it out, leave velar watch open.
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
watch-note = { $time } Alert { $alert } of { $name }, { $by }: { $text }
watch-stand-down-asked = { $time } Alert { $alert }: { $name } says "I am safe". A second person confirms: velar stand-down { $alert } --confirm
watch-stand-down-confirmed = { $time } Alert { $alert }: { $by } confirmed that { $name } is safe.
watch-closed = { $time } Alert { $alert } of { $name } is closed by { $by }.
watch-join-request = { $time } { $name } asks to join the circle: velar approve
watch-member-joined = { $time } { $name } is now in the circle ({ $roles }).
watch-member-left = { $time } { $name } is not in the circle any more.
watch-invitation-void = { $time } !!! An invitation was answered TWICE and is void. Somebody else may have seen it. Make a new one, in person: velar invite
watch-expired = { $time } { $count ->
    [one] { $count } message was deleted by the relay before this device read it.
   *[other] { $count } messages were deleted by the relay before this device read them.
} Ask the others what you missed.
watch-roster-conflict = { $time } !!! Two member lists of this circle contradict each other. Speak with the circle in person or by voice before you go on.
watch-claim-expired = { $time } *** ALERT { $alert } of { $name } *** Whoever had taken it went quiet. It needs somebody: velar claim { $alert }
watch-unopened-not-asked = { $time } Something from { $name } could not be opened. If you are expecting something, ask for it again.
watch-unopened = { $time } Something from { $name } could not be opened; it was asked for again.
watch-clock = { $time } This device's clock and the relay's differ by { $minutes } minutes. Check the time of this device.
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
status-queue-empty = Nothing is waiting to be sent.
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
status-requests = { $count ->
    [one] { $count } person asks to join: velar approve
   *[other] { $count } people ask to join: velar approve
}
status-no-successor = Nobody can stand in for the lead coordinator: if they are missing, the circle cannot be changed.
status-clock = This device's clock and the relay's differ by { $minutes } minutes. Check the time of this device.
presence-count = { $count ->
    [0] NOBODY is watching, as far as is known.
    [one] 1 person was watching lately: { $names }
   *[other] { $count } people were watching lately: { $names }
}
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
error-relay-unreachable-nothing-kept = The relay { $relay } cannot be reached: { $detail }
    .next = Check the connection and the address, and try again. Nothing was changed.
error-relay-pin = Whoever answers at { $relay } is NOT the relay that its address promises. Nothing was sent.
    .next = Somebody may be interfering, or the relay has a new key. Ask its operator by another way; do not go on until then.
error-relay-version = The relay { $relay } speaks another version of the protocol.
    .next = Install the newest velar, or ask the relay's operator to upgrade.
error-relay-refused = The relay { $relay } refused: { $detail }
    .next = Ask the relay's operator. velar status shows what is still waiting.
error-relay-access-token = The relay { $relay } makes mailboxes only with its access token.
    .next = Ask the operator for it, and give it with --access-token-file FILE.
error-access-token-file = The access token could not be read from { $path }: { $detail }
    .next = The file holds one line, as the relay's operator gave it to you.

### Reasons, inside of an error ({ $detail }, { $reason })

reason-no-socket = this device could not open a network connection
reason-unresolved = the name { $host } is not known
reason-no-route = there is no network, or no way to { $host }
reason-timeout = no answer in time
reason-handshake = { $host } does not answer as a Velar relay
reason-pin = it is NOT the relay that its address promises
reason-version = it speaks another version of the protocol
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
reason-refused-access = the access token is missing or wrong
reason-refused-mailbox = the mailbox is not open there
reason-refused-token = this device may not send to that person any more
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
