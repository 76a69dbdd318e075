# Los textos de Velar en español. en/velar.ftl tiene los mismos identificadores, atributos y variables; las pruebas
# los comparan.
#
# Cómo escribir aquí: con calma, breve, sin culpa. Qué pasó y qué hacer. No prometer más de lo que se sabe:
# «lo recibió la terminal de Ana» no es «Ana ya sabe». Español de México, de tú, sin marcar género cuando se pueda.
# Una palabra por idea: círculo, integrante, reporte, alerta, tomar, a salvo, relevo, bóveda, frase de acceso.
# Cada error lleva el atributo `next`: qué hacer ahora.

### Ayuda: palabras que de otro modo imprime el analizador

help-word-usage = Uso:
help-word-commands = Órdenes
help-word-command = ORDEN
help-word-options = Opciones
help-word-options-short = OPCIONES
help-word-arguments = Argumentos
help-word-common = Opciones de todas las órdenes

### Ayuda: órdenes. `more` aparece debajo de las opciones.

help-cmd = La línea de seguridad entre una persona en riesgo y quienes la acompañan.
    En peligro: velar panic (o velar panico)
    Velar no es un servicio de emergencias. Avisa a las personas que elegiste, rápido y con la verdad.
    .more =
        Para empezar: velar init y después velar circle new (o velar join con una invitación).
        Cada día:     velar checkin · velar status · velar inbox · velar watch
        Alarma:       velar panic
        Ayuda de una orden: velar ayuda checkin
        También en español: iniciar, circulo, invitar, unirme, aprobar, integrantes, verificar, reporte,
        panico, alertas, tomar, soltar, nota, a-salvo, cerrar, decir, mensajes, vigilar, estado.
help-cmd-init = Crear una bóveda en este equipo y elegir su frase de acceso
    .more = También: velar iniciar
help-cmd-circle = Formar un círculo o ver el tuyo
    .more = También: velar circulo nuevo, velar circulo ver
help-cmd-circle-new = Formar un círculo nuevo; la coordinación queda a tu cargo
    .more =
        Ejemplo:
          velar circle new --name "Casa Norte" --me Ana --relay 'velar://relevo.example.org:443#…'
        Pon la dirección entre comillas, porque lleva un #. Te la da quien opera el relevo.
help-cmd-circle-show = Ver el círculo, su relevo y tus propias funciones
help-cmd-invite = Hacer una invitación: un enlace y un código QR, para una persona y por 48 horas
    .more = Muéstrala en persona. Quien tenga el enlace puede pedir entrar, pero solo entra si lo apruebas.
        También: velar invitar
help-cmd-join = Responder a una invitación, o seguir donde quedó
    .more =
        Primero:              velar join --link-file invitacion.txt --me Ana
        O bien:               velar join ENLACE --me Ana
        Después las palabras: velar join
        Sin enlace, sigue con la invitación ya respondida.
        Un enlace escrito en la orden se queda en el historial de la terminal; --link-file lo evita.
        También: velar unirme
help-cmd-approve = Dejar entrar a quien respondió tu invitación, cuando las cuatro palabras coinciden
    .more = Comparen las cuatro palabras en persona o de viva voz, nunca por escrito por donde se envió el enlace.
        También: velar aprobar
help-cmd-members = Quiénes integran el círculo
    .more = También: velar integrantes
help-cmd-verify = Comparar números de seguridad con otra persona del círculo
    .more = También: velar verificar
help-cmd-checkin = Reportarte: decirle al círculo cómo estás
    .more =
        Ejemplos:
          velar checkin
          velar checkin --mood cansancio --next 90 --note "voy saliendo del pueblo"
        También: velar reporte, velar ok
help-cmd-panic = Dar la alarma: a todo el círculo, de inmediato
    .more =
        Ejemplo:
          velar panico me siguen dos hombres, cerca del mercado
        No hacen falta comillas. Una opción mal escrita no detiene la alarma; una desconocida se envía como texto.
        También: velar panico, velar sos, velar auxilio. Más vale diez falsas alarmas que un silencio.
help-cmd-alerts = Alertas abiertas, con su estado verdadero para cada persona
    .more = También: velar alertas
help-cmd-claim = Tomar una alerta: las demás personas ven que la estás atendiendo
    .more = También: velar tomar
help-cmd-release = Soltar una alerta que habías tomado, para que otra persona la tome
    .more = También: velar soltar
help-cmd-note = Anotar en la bitácora de la alerta lo que sabes o haces
    .more =
        Ejemplos:
          velar nota ya hablé con ella, está en su casa
          velar nota 3f2a la abogada va en camino
        La primera palabra puede ser la clave corta de la alerta; solo hace falta si hay varias abiertas.
help-cmd-stand-down = Decir que estás a salvo, o confirmar que otra persona lo está
    .more =
        Si diste tú la alarma:       velar stand-down
        Si la dio otra persona:      velar stand-down --confirm
        Siempre confirma una segunda persona, de viva voz si se puede. También: velar a-salvo
help-cmd-close = Cerrar una alerta cuando ya se hizo lo que se podía hacer
    .more = También: velar cerrar
help-cmd-say = Enviar un mensaje al círculo o a algunas personas
    .more =
        Ejemplos:
          velar decir llego a las seis
          velar decir --to Ana --to Luz ¿pueden hablar?
        Sin texto, se lee de la entrada estándar.
help-cmd-inbox = Leer mensajes
    .more = También: velar mensajes
help-cmd-watch = Velar: mantener la conexión y mostrar lo que llega, hasta Ctrl-C
    .more =
        Con --exec, la orden corre por cada alerta que suena. Recibe en su entorno VELAR_ALERT (la clave corta) y
        VELAR_EVENT: ni nombres ni textos. También: velar vigilar, velar guardia
help-cmd-status = El estado de este equipo: conexión, qué falta por enviar, quién está velando
    .more = También: velar estado
help-cmd-completions = Imprimir el autocompletado para un intérprete de órdenes

### Ayuda: opciones de todas las órdenes

help-arg-vault = Carpeta de la bóveda. Si no, $VELAR_VAULT, o velar en tu carpeta de datos
    .value = CARPETA
help-arg-passphrase-file = Leer la frase de acceso de la primera línea de este archivo
    .value = ARCHIVO
help-arg-passphrase-fd = Leer la frase de acceso de este descriptor abierto
    .value = N
help-arg-lang = Idioma: es o en. Si no, el del sistema
    .value = IDIOMA
help-arg-json = Imprimir los datos en JSON
help-arg-log = Mostrar mensajes técnicos, por ejemplo debug o velar=trace. Si no, $VELAR_LOG
    .value = FILTRO
help-arg-help = Mostrar esta ayuda
help-arg-version = Mostrar la versión

### Ayuda: argumentos

help-arg-circle-new-name = Nombre del círculo; solo lo ven sus integrantes
    .value = NOMBRE
help-arg-circle-new-me = Tu nombre, como lo verán las demás personas. No tiene que ser el legal
    .value = NOMBRE
help-arg-circle-new-relay = Dirección del relevo, con su huella: velar://servidor:puerto#huella
    .value = DIRECCIÓN
help-arg-circle-new-access-token-file = Archivo con la clave de acceso, si el relevo la pide
    .value = ARCHIVO
help-arg-invite-roles = Papel de quien entra: defensora, acompañante o coordinadora. Se puede repetir; si no, defensora
    .value = FUNCIÓN
help-arg-invite-no-qr = Solo el enlace, sin código QR
help-arg-join-link = El enlace de la invitación
    .value = ENLACE
help-arg-join-link-file = Archivo con el enlace de la invitación; - es la entrada estándar
    .value = ARCHIVO
help-arg-join-me = Tu nombre, como lo verán las demás personas. No tiene que ser el legal
    .value = NOMBRE
help-arg-join-words = Las cuatro palabras que te dijo quien coordina
    .value = PALABRAS
help-arg-approve-words = Las cuatro palabras que te dijo la persona
    .value = PALABRAS
help-arg-approve-name = Darle otro nombre en el círculo
    .value = NOMBRE
help-arg-approve-roles = Otras funciones que las de la invitación: defensora, acompañante o coordinadora. Se puede repetir
    .value = FUNCIÓN
help-arg-approve-reject = Rechazar la solicitud y anular la invitación
help-arg-verify-member = Clave corta o nombre; si no, todas las personas
    .value = INTEGRANTE
help-arg-verify-mark = Recordar que compararon los números y son iguales
help-arg-checkin-note = Unas palabras para el círculo
    .value = TEXTO
help-arg-checkin-mood = Cómo estás: bien, cansancio, mal o miedo
    .value = ÁNIMO
help-arg-checkin-low-battery = Se me puede acabar la batería
help-arg-checkin-no-signal = Voy a estar sin señal un rato
help-arg-checkin-next = Cuándo me vuelvo a reportar: 90 (minutos), 2h, 1h30
    .value = MINUTOS
help-arg-checkin-wait = Cuánto esperar los acuses de recibo: 10 (segundos), 2m
    .value = SEGUNDOS
help-arg-panic-text = Qué está pasando, si puedes decirlo
    .value = TEXTO
help-arg-panic-wait = Cuánto esperar los acuses de recibo: 30 (segundos), 2m. En una terminal sigue hasta que un relevo tenga la alarma
    .value = SEGUNDOS
help-arg-alerts-all = También las cerradas
help-arg-claim-alert = Clave corta, o nombre de quien dio la alarma; solo hace falta si hay varias abiertas
    .value = ALERTA
help-arg-release-alert = Clave corta, o nombre de quien dio la alarma; solo hace falta si hay varias abiertas
    .value = ALERTA
help-arg-note-alert = Clave corta, o nombre de quien dio la alarma; solo hace falta si hay varias abiertas
    .value = ALERTA
help-arg-note-text = Lo que sabes o haces; la primera palabra puede ser la clave corta de la alerta
    .value = TEXTO
help-arg-stand-down-alert = Clave corta, o nombre de quien dio la alarma; solo hace falta si hay varias abiertas
    .value = ALERTA
help-arg-stand-down-text = Unas palabras; la primera puede ser la clave corta de la alerta
    .value = TEXTO
help-arg-stand-down-confirm = Confirmar que está a salvo la persona que lo dijo
help-arg-close-alert = Clave corta, o nombre de quien dio la alarma; solo hace falta si hay varias abiertas
    .value = ALERTA
help-arg-close-text = Cómo terminó; la primera palabra puede ser la clave corta de la alerta
    .value = TEXTO
help-arg-close-unconfirmed = También si nadie ha confirmado que la persona está a salvo
help-arg-say-text = El mensaje
    .value = TEXTO
help-arg-say-to = Solo para esta persona: clave corta o nombre. Se puede repetir
    .value = INTEGRANTE
help-arg-inbox-all = También los ya leídos
help-arg-inbox-after = Solo los que siguen a este número
    .value = N
help-arg-watch-plain = Línea por línea, para lectores de pantalla, tuberías y registros
help-arg-watch-exec = Orden que corre por cada alerta que suena
    .value = ORDEN
help-arg-completions-shell = bash, zsh, fish, elvish o powershell
    .value = INTÉRPRETE

### Palabras

role-defender = defensora
role-accompanier = acompañante
role-coordinator = coordinadora
mood-well = bien
mood-tired = con cansancio
mood-unwell = mal
mood-afraid = con miedo
flag-low-battery = poca batería
flag-no-signal = estará sin señal
word-you = tú
word-nobody = nadie
word-unknown-member = una persona desconocida
word-never = nunca
# Lo que alguien escribe para decir sí o no; separadas por espacios, la primera es la que se muestra.
answer-yes = sí si s yes y
answer-no = no n
column-id = clave
column-name = nombre
column-roles = funciones
column-last-heard = última señal
column-verified = verificado

### Frase de acceso

passphrase-prompt = Frase de acceso:{" "}
passphrase-wrong-again = No abre la bóveda. Otra vez:{" "}
passphrase-new = Frase de acceso nueva:{" "}
passphrase-again = La misma otra vez:{" "}
passphrase-advice = Elige varias palabras que nadie adivinaría y que vas a recordar. Nadie puede recuperarla por ti.

### init

init-done = Bóveda creada: { $path }
init-next = Sigue: velar circle new, o velar join si te invitaron.

### circle

circle-new-done = Se formó el círculo «{ $circle }». La coordinación está a tu cargo.
circle-new-next = Sigue: velar invite, junto con la persona a quien quieres invitar.
circle-new-kept = El círculo ya está en este equipo, pero aún no hay conexión con el relevo { $relay }. Se intentará de nuevo con la siguiente orden.
circle-name = Círculo: { $circle }
circle-me = Tú: { $name } ({ $roles })
circle-relay = Relevo: { $relay }
circle-members = { $count ->
    [one] { $count } integrante
   *[other] { $count } integrantes
}
circle-roster = Lista de integrantes núm. { $number }, firmada por { $name }
circle-large = { $count } integrantes son muchas personas: en un círculo grande cada quien cree que alguien más está respondiendo. Lo mejor es de tres a doce.
circle-alone = Por ahora el círculo eres solo tú: nadie recibiría una alerta. Invita a alguien: velar invite

### invite

invite-made = Invitación para { $roles }, válida hasta { $time } y para una sola persona:
invite-in-person = Que la persona la escanee o la copie en persona. Cualquiera que la vea puede pedir entrar.
invite-next = Cuando la persona haya respondido: velar approve

### join

join-name-prompt = Tu nombre, como lo verá el círculo:
join-link-prompt = Enlace de la invitación:
join-sent = Tu respuesta se envió. Dile a quien coordina que escriba: velar approve
join-waiting = Esperando a la coordinación … (Ctrl-C deja de esperar; velar join sigue después.)
join-words = Tus cuatro palabras: { $words }
join-words-compare = Dilas a quien coordina, en persona o de viva voz. Las dos pantallas deben mostrar las mismas cuatro.
join-words-type = Las cuatro palabras que te lee quien coordina:
join-words-same = Las palabras coinciden. Esperando la entrada …
join-pending = Aún falta que te dejen entrar. Tu respuesta está guardada: velar join sigue.
join-done = Te damos la bienvenida. Estás en el círculo «{ $circle }» como { $name } ({ $roles }).
join-next = Pruébalo: velar checkin. En peligro: velar panic
join-rejected = La coordinación rechazó la solicitud, o la invitación se anuló.

### approve

approve-request = { $name } pide entrar. Papeles: { $roles }
approve-words = Las cuatro palabras: { $words }
approve-words-compare = Compárenlas tú y { $name }, en persona o de viva voz. Las dos pantallas deben mostrar las mismas cuatro.
approve-words-type = Las cuatro palabras que te lee { $name }:
approve-ask-reject = ¿Rechazar a { $name } y anular la invitación?
approve-done = { $name } ya está en el círculo ({ $roles }).
approve-rejected = Se rechazó la solicitud de { $name }; la invitación queda anulada.
approve-left = No se decidió nada. La solicitud queda guardada: velar approve

### members, verify

members-verified = sí
members-unverified = todavía no
verify-number = Número de seguridad con { $name }:
verify-how = Léanlo en persona o de viva voz. Si las dos pantallas muestran lo mismo, escribe: velar verify { $id } --mark
verify-marked = Queda recordado: el número de seguridad con { $name } está verificado.
verify-state-yes = Verificado.
verify-state-no = Todavía sin verificar.

### Estados verdaderos, para cada persona

state-queued = en espera aquí, aún no enviado
state-at-relay = en el relevo { $relay }
state-received = lo recibió la terminal de { $name }, { $time }
state-given-up = no le va a llegar: salió del círculo, o su relevo se niega

### Qué fue de lo enviado (reporte, mensaje, nota, alerta)

sent-received = Lo recibió la terminal de: { $names }
sent-received-all = Lo recibieron todas las terminales ({ $count }).
sent-at-relay = En el relevo, aún sin recibir por: { $names }
sent-kept = AÚN NO SE ENVÍA. Está guardado aquí. Para que salga, deja abierto velar watch.
sent-not-reached = AÚN NO le llega a: { $names }
sent-waits-at-relay = Les espera en el relevo.
sent-keeps-trying = Este equipo solo sigue intentando mientras corre velar: deja abierto velar watch.
sent-nobody = Todavía no hay nadie más en el círculo.

### checkin

checkin-done = Reporte hecho.
checkin-next = Siguiente reporte: antes de { $time }
checkin-not-sent = Tu reporte AÚN NO sale.
checkin-alert-open = Tu alerta { $alert } sigue abierta. Si estás a salvo: velar stand-down

### panic

panic-raised = ALARMA DADA ({ $alert }), { $time }.
panic-added = Tu alarma { $alert } ya estaba abierta; esto se le agregó y se avisa otra vez a todo el círculo.
panic-sending = Enviando …
panic-at-relay = La alarma está en el relevo { $relay }.
panic-received = La recibió la terminal de { $name }.
panic-taken = La tomó { $name }.
panic-summary = { $count ->
    [0] NINGUNA terminal la ha recibido todavía.
    [one] La ha recibido 1 terminal de { $total }.
   *[other] La han recibido { $count } terminales de { $total }.
}
panic-not-reached = AÚN NO le llega a: { $names }
panic-no-connection = SIN CONEXIÓN: la alarma aún no sale. Está guardada aquí y se intenta otra vez mientras esto siga abierto.
panic-not-taken = AÚN NO SALE: el relevo { $relay } no recibe la alarma por ahora. Está guardada aquí y se intenta otra vez mientras esto siga abierto.
panic-not-out = AÚN NO SALE: la alarma está guardada aquí y se intenta otra vez mientras esto siga abierto.
panic-pin = Quien responde en { $relay } NO es tu relevo. La alarma no se le entregó y sigue guardada aquí. Usa ya otro medio.
panic-cut = El texto era muy largo: solo sale el principio.
panic-goes-on = Se sigue intentando hasta que un relevo tenga la alarma. Ctrl-C lo termina.
panic-kept = AÚN NO SALE: la alarma está guardada aquí. Para que salga, deja abierto velar watch.
panic-keeps-trying = Este equipo solo sigue intentando mientras corre velar. Escribe ahora y déjalo abierto: velar watch
panic-other-means = Si puedes, usa también otro medio: llama, grita, ve a donde haya gente.
panic-failed = NO SE DIO LA ALARMA. Usa otro medio ya: llama, grita, ve a donde haya gente.
panic-state = Para ver quién la recibió y quién la tomó: velar alerts
panic-false = Si resulta que no era nada: velar stand-down. Más vale diez falsas alarmas que un silencio.
panic-nobody = El círculo eres solo tú: NADIE puede recibir esta alarma. Usa otro medio ya.

### alerts

alerts-none = No hay alertas abiertas.
alerts-closed-too = Las cerradas: velar alerts --all
alerts-not-up-to-date = SIN ACTUALIZAR: ningún relevo respondió. Esto es lo que ya se sabía aquí.
alert-heading = Alerta { $alert } de { $name }, { $time }
alert-heading-closed = Alerta { $alert } de { $name }, { $time }, cerrada
alert-text = { $name }: { $text }
alert-passed-on = (lo pasó { $by }; todavía no llega directamente de { $name })
alert-open = Abierta: nadie la ha tomado. Para tomarla: velar claim { $alert }
alert-open-own = Abierta: nadie la ha tomado todavía.
alert-claim-expired = Abierta otra vez: quien la tomó dejó de dar señales. Para tomarla: velar claim { $alert }
alert-taken = La tomó { $name }, { $time }
alert-taken-by-several = La tomaron a la vez { $names }. Lleva la alerta { $leader }; las demás personas apoyan.
alert-note = { $time } { $name }: { $text }
alert-stand-down-asked = { $name } dice «estoy a salvo», { $time }. Confirma una segunda persona: velar stand-down { $alert } --confirm
alert-stand-down-confirmed = { $by } confirmó, { $time }, que { $name } está a salvo.
alert-closed = La cerró { $name }, { $time }
alert-reason-panic = alarma dada a mano
alert-reason-overdue = reporte atrasado
alert-reason-released = el relevo soltó la alerta que se le dejó para este caso
alert-reason-drill = simulacro
alert-people = Estado para cada persona:
alert-not-reached = NO le ha llegado a: { $names }
alert-added-not-received = Lo último que agregaste aún no le llega a: { $names }

### claim, release, note, stand-down, close

claim-done = Tomaste la alerta { $alert } de { $name }. Se avisa al círculo.
claim-second = { $leader } tomó la alerta { $alert } al mismo tiempo y la lleva. Tú apareces en apoyo: acuerden quién hace qué.
claim-leads = Tú la llevas. { $names } también la tomó al mismo tiempo: acuerden quién hace qué.
claim-again = Ya habías tomado la alerta { $alert }.
claim-over = La tenía { $name } desde { $time }; ahora la llevas tú. Avísale: velar note { $alert } …
claim-next = Busca a { $name } y anota lo que sepas: velar note …
release-done = Soltaste la alerta { $alert }. Se avisa al círculo que hace falta alguien.
note-done = Anotado en la bitácora de la alerta { $alert }.
stand-down-asked = Se avisa al círculo que estás a salvo. Tu alerta { $alert } sigue abierta hasta que confirme una segunda persona.
stand-down-asked-next = Alguien te va a buscar. No pasa nada: más vale diez falsas alarmas que un silencio.
stand-down-confirm-advice = Antes de confirmar, oye la voz de { $name } si puedes, y pregunta algo que solo { $name } contestaría.
stand-down-confirm-ask = ¿Confirmas que { $name } está a salvo?
stand-down-confirmed = Confirmado: { $name } está a salvo. Para terminar: velar close { $alert }
close-done = Alerta { $alert } cerrada. Se avisa al círculo.
close-unconfirmed-ask = Nadie ha confirmado que { $name } está a salvo. ¿Cerrarla de todos modos?
close-debrief = Dense un momento, también para ustedes: platiquen cómo les fue.

### say, inbox

say-done = Enviado.
inbox-none = No hay mensajes nuevos.
inbox-none-at-all = No hay mensajes.

### watch

watch-started = { $time } Velando en «{ $circle }» como { $name }. Ctrl-C termina.
watch-connecting = { $time } Conectando con { $relay } …
watch-connected = { $time } Hay conexión con { $relay }. Las alertas llegan a esta terminal.
watch-disconnected = { $time } !!! SIN CONEXIÓN con { $relay }. LAS ALERTAS NO LLEGAN A ESTA TERMINAL. Intentando de nuevo …
watch-still-disconnected = { $time } !!! SIGUE SIN CONEXIÓN con { $relay }, desde { $since }. LAS ALERTAS NO LLEGAN A ESTA TERMINAL.
watch-caught-up = { $time } Al día.
watch-unsent = { $time } { $count ->
    [one] { $count } mensaje guardado aquí, aún no enviado.
   *[other] { $count } mensajes guardados aquí, aún no enviados.
}
watch-message = { $time } { $name }: { $text }
watch-checkin = { $time } Reporte de { $name }
watch-checkin-details = { $time } Reporte de { $name }: { $details }
watch-checkin-next = siguiente antes de { $time }
watch-alert = { $time } *** ALERTA { $alert } *** { $name } dio la alarma.
watch-alert-text = { $time } *** ALERTA { $alert } *** { $name }: { $text }
watch-alert-by = { $time } *** ALERTA { $alert } *** por { $name }. { $by }: { $text }
watch-passed-on = { $time } Lo pasó { $by }; todavía no llega directamente de { $name }.
watch-alert-how = { $time } Para tomarla: velar claim { $alert }
watch-alert-again = { $time } *** ALERTA { $alert } de { $name } *** Nadie la ha tomado, desde { $since }.
watch-drill = { $time } *** SIMULACRO { $alert } *** { $name }
watch-taken = { $time } La alerta { $alert } de { $name } la tomó { $by }.
watch-taken-by-several = { $time } La alerta { $alert } de { $name } la tomaron a la vez { $names }. La lleva { $leader }.
watch-released = { $time } *** ALERTA { $alert } de { $name } *** La soltó { $by }. Hace falta alguien.
watch-note = { $time } Alerta { $alert } de { $name }, { $by }: { $text }
watch-stand-down-asked = { $time } Alerta { $alert }: { $name } dice «estoy a salvo». Confirma una segunda persona: velar stand-down { $alert } --confirm
watch-stand-down-confirmed = { $time } Alerta { $alert }: { $by } confirmó que { $name } está a salvo.
watch-closed = { $time } La alerta { $alert } de { $name } la cerró { $by }.
watch-join-request = { $time } { $name } pide entrar al círculo: velar approve
watch-member-joined = { $time } { $name } ya está en el círculo ({ $roles }).
watch-member-left = { $time } { $name } ya no está en el círculo.
watch-invitation-void = { $time } !!! Una invitación se respondió DOS VECES y quedó anulada. Puede que alguien más la haya visto. Haz otra, en persona: velar invite
watch-expired = { $time } { $count ->
    [one] El relevo borró { $count } mensaje antes de que este equipo lo leyera.
   *[other] El relevo borró { $count } mensajes antes de que este equipo los leyera.
} Pregunta a las demás personas qué te perdiste.
watch-roster-conflict = { $time } !!! Dos listas de integrantes de este círculo se contradicen. Habla con el círculo en persona o de viva voz antes de seguir.
watch-claim-expired = { $time } *** ALERTA { $alert } de { $name } *** Quien la tomó dejó de dar señales. Hace falta alguien: velar claim { $alert }
watch-unopened-not-asked = { $time } No se pudo abrir algo de { $name }. Si esperas algo, pídelo otra vez.
watch-unopened = { $time } Algo de { $name } no se pudo abrir; ya se pidió otra vez.
watch-clock = { $time } El reloj de este equipo y el del relevo difieren por { $minutes } minutos. Revisa la hora de este equipo.
watch-not-opened = { $time } El relevo { $relay } no tomó todas las claves de este equipo ({ $why }): puede que algunas personas no te alcancen. Se intenta otra vez con la próxima conexión.
watch-exec-failed = { $time } La orden de --exec no funcionó: { $detail }
watch-presence = { $time } Velando ahora: { $names }
watch-vault = { $time } *** { $why } *** Mientras tanto, aquí no llega nada nuevo. Se intenta de nuevo cada pocos segundos.
watch-stopped = { $time } Fin de la guardia. A esta terminal ya no llegan alertas.

### status, presencia

status-vault = Bóveda: { $path }
status-no-circle = Todavía no hay círculo. Sigue: velar circle new, o velar join si te invitaron.
status-joining = Se envió la respuesta a la invitación; falta que te dejen entrar. Sigue: velar join
status-connected = Conexión: { $relay } responde.
status-disconnected = Conexión: NO HAY con { $relay }. Lo que envíes se guarda aquí.
status-queue-empty = No falta nada por enviar.
status-queue = { $count ->
    [one] Falta { $count } mensaje por enviar.
   *[other] Faltan { $count } mensajes por enviar.
}
status-unreceived = { $count ->
    [one] { $count } mensaje enviado, aún sin recibir por: { $names }
   *[other] { $count } mensajes enviados, aún sin recibir por: { $names }
}
status-last-checkin = Tu último reporte: { $time }
status-no-checkin = Aún no te has reportado.
status-next-checkin = Siguiente reporte: antes de { $time }
status-member-checkin = { $name }: último reporte { $time }
status-member-due = { $name }: último reporte { $time }, el siguiente antes de { $due }
status-member-late = { $name }: CON RETRASO. Último reporte { $time }; el siguiente tocaba antes de { $due }
status-alerts = { $count ->
    [0] No hay alertas abiertas.
    [one] { $count } ALERTA ABIERTA: velar alerts
   *[other] { $count } ALERTAS ABIERTAS: velar alerts
}
status-unread = { $count ->
    [0] No hay mensajes nuevos.
    [one] { $count } mensaje nuevo: velar inbox
   *[other] { $count } mensajes nuevos: velar inbox
}
status-requests = { $count ->
    [one] { $count } persona pide entrar: velar approve
   *[other] { $count } personas piden entrar: velar approve
}
status-no-successor = Nadie puede suplir a la coordinación principal: si falta, no se puede cambiar el círculo.
status-clock = El reloj de este equipo y el del relevo difieren por { $minutes } minutos. Revisa la hora de este equipo.
presence-count = { $count ->
    [0] Hasta donde se sabe, NADIE está velando.
    [one] Hace poco estaba velando 1 persona: { $names }
   *[other] Hace poco estaban velando { $count } personas: { $names }
}
presence-unknown = No se sabe quién está velando: nadie ha respondido aún.

### Errores de la línea de órdenes

error-usage-command = No hay una orden «{ $given }».
    .next = velar --help muestra todas las órdenes. En peligro: velar panic
error-usage-command-meant = No hay una orden «{ $given }». ¿Querías decir «{ $meant }»?
    .next = Si es así: velar { $meant }. Todas las órdenes: velar --help. En peligro: velar panic
error-usage-option = «{ $given }» no se entiende aquí.
    .next = La ayuda de la orden dice qué acepta; agrégale --help.
error-usage-option-meant = «{ $given }» no se entiende aquí. ¿Querías decir { $meant }?
    .next = Si es así, escribe { $meant }. Para más: agrega --help a la orden.
error-usage-value = «{ $given }» no sirve para { $option }.
    .next = La ayuda de la orden dice qué se espera; agrégale --help.
error-usage-value-one-of = «{ $given }» no sirve para { $option }. Puede ser: { $possible }
    .next = La ayuda de la orden tiene ejemplos; agrégale --help.
error-usage-value-missing = A { $option } le falta un valor.
    .next = Escríbelo después de la opción. Para ver ejemplos, agrega --help a la orden.
error-usage-missing = Falta algo: { $missing }
    .next = Agrégalo. Para ver ejemplos, agrega --help a la orden.
error-usage-conflict = { $option } y { $other } no van juntas.
    .next = Usa solo una de las dos.
error-usage-twice = { $option } está dos veces.
    .next = Ponla una sola vez.
error-usage-subcommand = Falta decir qué hacer.
    .next = Agrega --help para ver qué hay. En peligro: velar panic
error-usage-other = No se entendió la orden.
    .next = velar --help muestra todas las órdenes. En peligro: velar panic

### Errores: bóveda y frase de acceso

error-wrong-passphrase = La frase de acceso no abre esta bóveda.
    .next = Inténtalo otra vez; revisa las mayúsculas y el idioma del teclado.
error-passphrase-missing = La bóveda necesita su frase de acceso, y no hay terminal donde pedirla.
    .next = Dala con --passphrase-file ARCHIVO o --passphrase-fd N.
error-passphrase-file = No se pudo leer la frase de acceso de { $path }: { $detail }
    .next = Revisa que el archivo exista y que tengas permiso de leerlo.
error-passphrase-fd = No se pudo leer la frase de acceso del descriptor { $fd }: { $detail }
    .next = Revisa que el programa que llama abra ese descriptor.
error-passphrase-empty = La frase de acceso está vacía.
    .next = Elige varias palabras que nadie adivinaría.
error-passphrases-differ = Las dos frases de acceso no son iguales.
    .next = No se creó nada. Inténtalo otra vez.
error-vault-missing = No hay bóveda en { $path }.
    .next = Créala con velar init, o di dónde está con --vault CARPETA.
error-vault-exists = Ya hay una bóveda en { $path }; no se cambió nada.
    .next = Úsala, o elige otra carpeta con --vault CARPETA.
error-vault-incomplete = La bóveda en { $path } no se terminó de crear.
    .next = Mueve esa carpeta a otro lado y luego: velar init
error-vault-no-place = No se sabe dónde está la bóveda: no hay carpeta personal.
    .next = Di dónde con --vault CARPETA, o con VELAR_VAULT.
error-vault-damaged = La bóveda en { $path } está dañada: { $detail }
    .next = No borres nada. Copia la carpeta y después pide a la coordinación de tu círculo una invitación nueva.
error-vault-newer = La bóveda en { $path } se hizo con una versión más nueva de velar.
    .next = Instala la versión más nueva.
error-vault-busy = La bóveda en { $path } está ocupada con otra orden de velar.
    .next = Espera un momento e inténtalo otra vez.
error-vault-io = No se puede leer o escribir la bóveda en { $path }: { $detail }
    .next = Revisa la carpeta, sus permisos y el disco.
error-disk-full = Ya no hay espacio en el disco de { $path }.
    .next = Libera espacio e inténtalo otra vez. Nada de lo guardado se pierde.

error-passphrase-file-exposed = Otras personas que usan este equipo pueden leer { $path }, que tiene una frase de acceso.
    .next = Ciérralo: chmod 600 { $path }
error-passphrase-short = La frase de acceso tiene menos de { $count } caracteres.
    .next = Elige varias palabras que nadie adivinaría.
error-passphrase-long = Lo que se dio como frase de acceso tiene más de { $count } bytes.
    .next = Seguramente es otro archivo. Revísalo.
error-passphrase-not-text = Lo que se dio como frase de acceso no es texto.
    .next = Seguramente es otro archivo, o no está en UTF-8. Revísalo.
error-passphrase-in-use = Esta frase de acceso ya abre la bóveda.
    .next = Elige otra.
error-vault-permission = No tienes permiso de usar { $path }.
    .next = Revisa de quién es la carpeta: ls -ld { $path }
error-no-memory = No hay memoria suficiente para abrir la bóveda (hacen falta unos 64 MiB).
    .next = Cierra otros programas e inténtalo otra vez.
error-no-randomness = El sistema no da números al azar.
    .next = No se hizo nada. Reinicia el equipo; sin ellos no se puede crear ninguna llave.

### Errores: círculo, invitación, integrantes

error-no-circle = Esta bóveda todavía no es de ningún círculo.
    .next = Forma uno con velar circle new, o entra a uno con velar join.
error-circle-exists = Esta bóveda ya es del círculo «{ $circle }».
    .next = Para otro círculo usa otra bóveda: --vault CARPETA
error-in-circle = Esta bóveda ya es de un círculo, o está entrando a uno.
    .next = velar circle show dice de cuál. Para otro círculo usa otra bóveda: --vault CARPETA
error-circle-full = El círculo está lleno: caben 32 integrantes.
    .next = Hay que quitar a alguien antes, o formar otro círculo con otra bóveda.
error-not-lead = Esto solo lo puede hacer quien lleva la coordinación principal del círculo.
    .next = velar circle show dice quién es. Pídeselo.
error-not-allowed = Tu función en el círculo no permite esto.
    .next = velar circle show dice cuáles son tus funciones. Pídelo a quien coordina.
error-roster-conflict = Hay dos listas de integrantes que se contradicen: alguien más dice llevar el círculo.
    .next = Hablen en persona o de viva voz antes de seguir.
error-join-pending = Respondiste a una invitación, pero aún falta que te dejen entrar.
    .next = Sigue con: velar join
error-name-bad = «{ $name }» no se puede usar como nombre (caben { $limit } caracteres).
    .next = Usa de 1 a { $limit } caracteres, con al menos una letra y sin caracteres de control.
error-name-taken = En el círculo ya hay alguien que se llama { $name }.
    .next = Elige otro nombre. Al aprobar: velar approve --name NOMBRE
error-name-missing = Falta tu nombre.
    .next = Agrega --me NOMBRE, como te verá el círculo.
error-link-bad = Eso no es una invitación completa: { $detail }
    .next = Cópiala entera o escanéala otra vez, y ponla entre comillas simples: lleva # y !.
error-link-missing = No hay ninguna invitación con la cual seguir.
    .next = Pide un enlace a la coordinación: velar join --link-file ARCHIVO --me NOMBRE
error-link-file = No se pudo leer el enlace de { $path }: { $detail }
    .next = Revisa que el archivo exista y que tengas permiso de leerlo.
error-invitation-gone = La invitación no está en el relevo: venció, ya se usó o se anuló.
    .next = Pide otra a la coordinación.
error-invitation-expired = La invitación venció.
    .next = Pide otra a la coordinación. Si es nueva: revisa la fecha y la hora de este equipo.
error-invitation-false = Lo que está en el relevo para esta invitación NO lo hizo quien te la dio. No se respondió nada.
    .next = Puede que alguien más haya visto el enlace. Pide otra a la coordinación, en persona.
error-invitation-void = La invitación está anulada: la respondieron dos personas, o se rechazó. No entró nadie.
    .next = Hace falta otra, en persona: la hace quien coordina, con velar invite.
error-invitation-twice = Esta invitación se respondió DOS VECES. Puede que alguien más la haya visto. Queda anulada y no entró nadie.
    .next = Haz otra, en persona: velar invite
error-words-differ = Las cuatro palabras NO coinciden. Puede haber alguien en medio. No entró nadie.
    .next = Léanselas otra vez, despacio. Si siguen sin coincidir, la coordinación escribe velar approve --reject; véanse en persona y empiecen de nuevo con velar invite.
error-words-count = Se dieron { $count } palabras; son cuatro.
    .next = Lean las cuatro de viva voz e inténtenlo otra vez.
error-words-missing = Hay que comparar las cuatro palabras, y no hay terminal donde preguntar.
    .next = Da las palabras que oíste: --words "uno dos tres cuatro"
error-invitations-many = Hay demasiadas invitaciones abiertas; el relevo no tomaría más.
    .next = Rechaza las que se respondieron por error (velar approve --reject), o espera: la que nadie responde se retira a los 16 días.
error-approve-none = Nadie espera tu aprobación.
    .next = Haz una invitación con velar invite, o espera a que la persona responda.
error-approve-several = Varias personas esperan tu aprobación.
    .next = Da las palabras de quien quieras: velar approve --words "uno dos tres cuatro"
error-member-unknown = En el círculo no hay nadie «{ $name }».
    .next = velar members muestra quiénes lo integran.
error-member-several = «{ $name }» puede ser más de una persona: { $members }
    .next = Escribe más del nombre, o la clave corta: velar members
error-member-self = Esa persona eres tú.
    .next = Nombra a otra: velar members
error-member-none = No hay nadie así en el círculo.
    .next = velar members muestra quiénes están.
error-member-ambiguous = Podrían ser varias personas del círculo.
    .next = Usa más letras del nombre, o la clave corta: velar members
error-member-keys = No se puede sellar nada para { $member }: sus llaves no sirven.
    .next = Pídele que corra velar status. Si eso no ayuda, hay que invitarle de nuevo.

### Errores: alertas

error-alert-none = No hay ninguna alerta abierta.
    .next = velar alerts --all muestra las cerradas. En peligro: velar panic
error-alert-unknown = No hay una alerta «{ $alert }».
    .next = velar alerts las muestra.
error-alert-several = Hay varias alertas abiertas: { $alerts }
    .next = Di cuál: agrega su clave corta. velar alerts las muestra.
error-alert-closed = La alerta { $alert } ya está cerrada.
    .next = Si hay peligro otra vez: velar panic
error-stand-down-not-yours = La alerta { $alert } es de { $name }: solo { $name } puede decir que está a salvo.
    .next = Para confirmar que { $name } está a salvo: velar stand-down { $alert } --confirm
error-stand-down-none = No tienes ninguna alerta abierta.
    .next = velar alerts --all dice cómo terminó la última. En peligro: velar panic
error-close-unconfirmed = Nadie ha confirmado que { $name } está a salvo. No se cerró nada.
    .next = Si de todos modos hay que cerrarla: velar close --unconfirmed
error-stand-down-own = La alerta { $alert } es tuya: que estás a salvo lo confirma una segunda persona.
    .next = Pide a alguien del círculo que escriba: velar stand-down { $alert } --confirm
error-stand-down-not-asked = { $name } no ha dicho «estoy a salvo» en la alerta { $alert }.
    .next = Si sabes más, anótalo: velar note { $alert } …
error-close-own = Tu propia alerta la cierra otra persona.
    .next = Si estás a salvo: velar stand-down
error-alert-ambiguous = Hay varias alertas abiertas.
    .next = Di cuál: agrega su clave corta. velar alerts las muestra.
error-alert-another-person = Es tu propia alerta: eso lo tiene que hacer otra persona.
    .next = Pídelo a alguien del círculo. Si estás a salvo: velar stand-down
error-alert-not-yours = La alerta es de otra persona.
    .next = Para confirmar que está a salvo: velar stand-down --confirm
error-alert-not-yours-to-release = No has tomado esta alerta.
    .next = velar alerts muestra quién la tiene.
error-alert-not-asked = Nadie ha dicho «estoy a salvo» en esta alerta.
    .next = Si sabes algo más, anótalo: velar note …
error-text-missing = Falta el texto.
    .next = Escríbelo después de la orden; no hacen falta comillas.
error-text-long = El texto ocupa { $count } bytes; caben { $limit }.
    .next = Acórtalo, o envíalo en varios.
error-text-bad = Un nombre o texto está vacío, es demasiado largo o lleva caracteres que no se pueden mostrar.
    .next = Escribe algo más corto, con letras.
error-declined = No se hizo nada.
    .next = Córrelo otra vez cuando quieras.

### Errores: relevo y red

error-relay-address = «{ $given }» no es la dirección de un relevo: { $detail }
    .next = Es como velar://servidor:puerto#huella. Ponla entre comillas; la tiene quien opera el relevo.
error-relay-unreachable = No hay conexión con el relevo { $relay }: { $detail }
    .next = Revisa la conexión. Lo que se iba a enviar está guardado aquí; velar watch lo envía.
error-relay-full = Al relevo { $relay } no le queda lugar por ahora, en su disco o en el buzón al que va.
    .next = Está guardado aquí y se intenta otra vez. Si sigue así, avisa a quien opera el relevo.
error-relay-full-nothing-kept = Al relevo { $relay } no le queda lugar por ahora.
    .next = No se cambió nada. Inténtalo más tarde, o avisa a quien opera el relevo.
error-relay-unreachable-nothing-kept = No hay conexión con el relevo { $relay }: { $detail }
    .next = Revisa la conexión y la dirección, e inténtalo otra vez. No se cambió nada.
error-relay-pin = Quien responde en { $relay } NO es el relevo que promete su dirección. No se envió nada.
    .next = Puede haber una intromisión, o el relevo cambió de llave. Pregunta por otro medio a quien lo opera; no sigas hasta saberlo.
error-relay-version = El relevo { $relay } habla otra versión del protocolo.
    .next = Instala la versión más nueva de velar, o pide a quien opera el relevo que lo actualice.
error-relay-refused = El relevo { $relay } se negó: { $detail }
    .next = Pregunta a quien lo opera. velar status muestra qué sigue en espera.
error-relay-access-token = El relevo { $relay } solo crea buzones con su clave de acceso.
    .next = Pídela a quien lo opera y dala con --access-token-file ARCHIVO.
error-access-token-file = No se pudo leer la clave de acceso de { $path }: { $detail }
    .next = El archivo lleva una sola línea, tal como te la dio quien opera el relevo.

### Razones, dentro de un error ({ $detail }, { $reason })

reason-no-socket = este equipo no pudo abrir una conexión de red
reason-unresolved = no se conoce el nombre { $host }
reason-no-route = no hay red, o no hay camino hasta { $host }
reason-timeout = no respondió a tiempo
reason-handshake = { $host } no responde como un relevo de Velar
reason-pin = NO es el relevo que promete su dirección
reason-version = habla otra versión del protocolo
reason-busy = el relevo no tiene lugar para otra conexión
reason-unavailable = el relevo no puede hacerlo ahora
reason-full = al relevo no le queda lugar por ahora
reason-protocol = la respuesta del relevo no tiene sentido
reason-closed = el relevo cerró la conexión
reason-lost = se perdió la conexión
reason-exec-code = terminó con el código { $code }
reason-exec-killed = una señal lo terminó
reason-exec-long = llevaba más de un minuto y se terminó
reason-refused-malformed = no entendió lo que se le pidió
reason-refused-proof = no aceptó la prueba de este equipo
reason-refused-access = la clave de acceso falta o no es la correcta
reason-refused-mailbox = el buzón no está abierto ahí
reason-refused-token = este equipo ya no puede enviarle a esa persona
reason-refused-hold = no aceptó la retención
reason-refused-too-many = esta conexión pide demasiado
reason-damaged-slots = el archivo de la frase de acceso
reason-damaged-database = la base de datos
reason-damaged-record = un registro ({ $kind })
reason-file-missing = no existe ese archivo o carpeta
reason-file-permission = no tienes permiso
reason-file-is-folder = es una carpeta
reason-file-not-text = no es texto
reason-broken-pipe = se cerró la salida
reason-disk-full = el disco está lleno
reason-link-scheme = no empieza con velar-join://
reason-link-seed = le falta el final
reason-address-scheme = no empieza con velar://
reason-address-host = falta el servidor o el puerto
reason-address-pin = la huella que va después de # falta o está incompleta

### Otros errores

error-input = No se pudo leer el texto: { $detail }
    .next = Escríbelo después de la orden, o pásalo por la entrada como texto UTF-8.
error-watch-output = Ya nadie lee esta guardia: { $detail }. Las alertas no le habrían llegado a nadie, así que terminó.
    .next = Iníciala otra vez, y revisa el programa o el disco donde escribe.
error-output = No se pudo escribir el resultado: { $detail }
    .next = Si la orden cambia algo, eso quedó hecho: velar status lo muestra. Revisa el disco o el programa que lo lee.
error-log-filter = «{ $given }» no es un filtro de mensajes técnicos.
    .next = Usa error, warn, info, debug o trace; por ejemplo --log debug
warning-log-filter = «{ $given }» no es un filtro de mensajes técnicos. Se dejó de lado.
warning-damage = { $count ->
    [one] No se puede leer { $count } registro de la bóveda: puede faltar algo en lo que se muestra.
   *[other] No se pueden leer { $count } registros de la bóveda: puede faltar algo en lo que se muestra.
} Antes que nada, copia la carpeta de la bóveda.
warning-exposed = Hasta ahora otras personas con cuenta en este equipo podían leer los archivos de la bóveda; ya están cerrados. Mientras tanto solo los protegía la frase de acceso.
error-interrupted = Interrumpido.
    .next = Lo que quedó guardado aquí sale mientras esté abierto velar watch.
error-internal = Algo falló dentro de velar: { $detail }
    .next = Inténtalo otra vez. Si se repite, repórtalo (SECURITY.md y README.md dicen cómo), sin nombres ni textos.
