# Los textos de Velar en español. en/velar.ftl tiene los mismos identificadores, atributos y variables; las pruebas
# los comparan.
#
# Cómo escribir aquí: con calma, breve, sin culpa. Qué pasó y qué hacer. No prometer más de lo que se sabe:
# «lo recibió la terminal de Ana» no es «Ana ya sabe». Español de México, de tú, sin marcar género cuando se pueda.
# Una palabra por idea: círculo, integrante, reporte, alerta, tomar, a salvo, servidor, bóveda, frase de acceso.
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
        panico, alertas, tomar, soltar, pasar, nota, a-salvo, cerrar, decir, mensajes, vigilar, estado, simulacro,
        bitacora, contactos, servidores, coaccion, borrar, respaldo, restaurar.
help-cmd-init = Crear una bóveda en este equipo y elegir su frase de acceso
    .more = También: velar iniciar
help-cmd-circle = Formar un círculo o ver el tuyo
    .more = También: velar circulo nuevo, velar circulo ver
help-cmd-circle-new = Formar un círculo nuevo; la coordinación queda a tu cargo
    .more =
        Ejemplo:
          velar circle new --name "Casa Norte" --me Ana --relay 'velar://servidor.example.org:443#…'
        Pon la dirección entre comillas, porque lleva un #. Te la da quien opera el servidor.
help-cmd-circle-show = Ver el círculo, su servidor y tus propias funciones
help-cmd-circle-agree = Ver lo que acordó el círculo; desde la coordinación principal, cambiarlo
    .more =
        Sin opciones muestra el acuerdo. Solo lo cambia la coordinación principal; se avisa a todo el círculo.
        Ejemplo: velar circulo acordar --grace 15 --tier-two 15 --repeat 5
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
help-cmd-members-list = Mostrar quiénes
help-cmd-members-remove = Desde la coordinación principal: quitar a alguien del círculo
    .more =
        Se avisa a ese equipo, y el círculo deja de esperar sus reportes. No se puede deshacer; para volver, se invita otra vez
        a la persona. Un equipo perdido se quita de la misma manera.
help-arg-members-remove-member = Nombre o clave corta
    .value = INTEGRANTE
help-arg-members-remove-yes = Sin preguntar
help-cmd-members-new-token = Darle a alguien otra ficha para mandarte cosas, en lugar de la que tiene
    .more =
        Una ficha es lo que permite que una persona te mande cosas. Si con ella llega mucho que aquí nada abre, puede que la tenga alguien más.
        La que tiene cuenta hasta que se sepa que ya tiene la nueva, para que mientras tanto lleguen sus alarmas.
        También: velar integrantes ficha-nueva, --ya, --si
help-arg-members-new-token-member = Nombre o folio
    .value = INTEGRANTE
help-arg-members-new-token-now = La que tiene deja de contar, aunque todavía no tenga la nueva
help-arg-members-new-token-yes = Sin preguntar
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
        Con el kit de pánico sale de inmediato, sin la frase de acceso; esta se pide después.
        No hacen falta comillas. Una opción mal escrita no detiene la alarma; una desconocida se envía como texto.
        También: velar panico, velar sos, velar auxilio. Más valen diez falsas alarmas que un silencio.
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
        VELAR_EVENT, y VELAR_DRILL, que es 1 en un simulacro: ni nombres ni textos. VELAR_EVENT es cannot-know cuando tocaba un reporte y ningún servidor responde;
        newer-version, con VELAR_ALERT vacía, cuando alguien dijo algo que este velar es demasiado antiguo para leer.
        También: velar vigilar, velar guardia
help-cmd-status = El estado de este equipo: conexión, qué falta por enviar, quién está velando
    .more = También: velar estado
help-cmd-plan = Cuándo te reportas: verlo, acordarlo, avisar de un silencio
    .more =
        Ejemplos:
          velar plan acordar --cada 60m --hasta 20:00 --itinerary-file ruta.txt
          velar plan acordar --at 09:00,14:00,20:00 --gracia 15m
          velar plan silencio --hasta 18:00
          velar plan terminar
        Sin nada más, muestra el plan. Cada cambio se le dice al círculo con un reporte.
help-cmd-plan-show = Ver el plan
help-cmd-plan-set = Acordar cuándo te reportas; lo que no pongas queda como estaba
    .more =
        Sin --every ni --at, un primer plan toma el intervalo del círculo para cuando se está en camino.
        Un reporte hasta 15 minutos antes de una hora fija cuenta para esa hora. El último toca al final (--until).
        El itinerario se sella y se deja con los servidores. Nadie lo lee si no falta un reporte.
help-cmd-plan-silence = Avisar de un silencio: tu siguiente reporte toca cuando termina
    .more = Si vuelves antes: velar plan silence --over
help-cmd-plan-end = Terminar el plan: desde ahora no queda acordado ningún reporte
help-cmd-completions = Imprimir el autocompletado para un intérprete de órdenes
help-cmd-log = La bitácora: lo que pasó en las alertas, todo lo que este equipo oyó y dijo, en una cadena que solo crece
    .more =
        Ejemplos:
          velar bitacora
          velar bitacora 3f2a
help-cmd-log-export = Escribir la bitácora de una alerta en archivos, con el consentimiento de la persona de quien trata
    .more =
        Ejemplo:
          velar bitacora exportar 3f2a --out . --redact Eva --consent "Ana aceptó el 3 de mayo, para el mecanismo de protección"
        El consentimiento queda en la bitácora y en el archivo. Los archivos son solo para ti, y no se reemplaza ninguno.
        Lo omitido queda fuera y lo demás se puede comprobar: velar bitacora verificar ARCHIVO
help-cmd-log-verify = Comprobar que nada cambió: en la bitácora de este equipo, o en un archivo JSON exportado
    .more =
        Solo un final anotado antes, o dicho a alguien, muestra que sigue siendo la misma bitácora:
          velar bitacora verificar velar-log-3f2a9c01-12.json --head 12:8c1f0a2b3d4e5f60
help-cmd-wipe = Destruir la bóveda de este equipo, de inmediato y para siempre
    .more =
        No hace falta la frase de acceso, y no se le avisa a nadie. Lo que está en los servidores por si guardas silencio sigue ahí.
        Con prisa: velar wipe --yes. También: velar borrar
help-cmd-backup = Escribir nombres, números de seguridad, el plan y la bitácora en un archivo sellado; sin llaves
    .more =
        Ejemplo:
          velar respaldo velar.respaldo
        Lleva su propia frase de acceso. Con él nadie puede actuar en tu nombre.
help-cmd-restore = Recuperar un respaldo en una bóveda nueva; después, pedir una invitación
    .more =
        Ejemplo:
          velar iniciar
          velar restaurar velar.respaldo
        Vuelves como la misma persona con llaves nuevas: la coordinación te invita y comparan las cuatro palabras.
help-cmd-hand-over = Pedir a otra persona que tome una alerta que tomaste
    .more =
        Ejemplo: velar entregar --to Eva termina mi turno; ya hablé con ella
        Sigue a tu cargo hasta que la tome: nadie se queda sin compañía en medio.
        También: velar entregar, velar pasar
help-cmd-drill = Practicar: una alarma que todo el círculo ve como simulacro; o ver cómo salió uno
    .more =
        Ejemplos:
          velar simulacro ¿quién responde en domingo?
          velar simulacro --report
        Un simulacro va por el mismo camino que una alarma. En peligro, también durante un simulacro: velar panico
help-cmd-contacts = A quién acudir fuera del círculo: se muestra cuando nadie toma una alerta
    .more =
        Ejemplos:
          velar contactos
          velar contactos agregar Marta Ruiz, abogada, +52 55 0000 0000, de día y de noche
        La primera palabra es el nombre; pon entre comillas uno más largo. La coordinación cambia la lista para todo el círculo.
        Velar no llama a nadie: llama una persona.
help-cmd-contacts-list = Ver la lista
help-cmd-contacts-add = Agregar a alguien a la lista, o cambiar cómo localizarle
help-cmd-contacts-remove = Quitar a alguien de la lista
help-cmd-duress = Poner, cambiar o quitar una segunda frase de acceso, por si te obligan a abrir
    .more =
        Con ella todo se ve y funciona igual, y tu círculo se entera de que puedes estar actuando bajo coacción.
        Ponerla, o poner otra:  velar duress
        Quitarla:               velar duress --remove
        Hazlo con la frase de todos los días: la que no escribas aquí se reemplaza, fuera la que fuera.
        Nadie puede ver si hay una segunda. Acuerden antes en tu círculo qué harán en ese caso.
        También: velar coaccion

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
help-arg-circle-new-relay = Dirección del servidor, con su huella: velar://servidor:puerto#huella
    .value = DIRECCIÓN
help-arg-circle-new-access-token-file = Archivo con tu código de acceso, si el servidor lo pide
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
help-arg-panic-wait = Cuánto seguir como máximo: 30 (segundos), 2m. Sin esto: hasta que alguien haya recibido la alarma
    .value = SEGUNDOS
help-arg-panic-disarm = Quitar de este equipo el kit de pánico; no da ninguna alarma
help-arg-panic-arm = Hacer otra vez un kit de pánico después de --disarm; no da ninguna alarma
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
help-arg-plan-set-every = Cada cuánto te reportas: 90 (minutos), 2h, 1h30
    .value = MINUTOS
help-arg-plan-set-at = A estas horas de cada día: 09:00,14:00,20:00
    .value = HORAS
help-arg-plan-set-grace = Cuánto se espera después de la hora antes de alarmar: 15 (minutos), 1h; 0: nada
    .value = MINUTOS
help-arg-plan-set-until = El último reporte toca entonces: 18:00, "2026-11-25 18:00", 3d
    .value = HORA
help-arg-plan-set-zone = Zona horaria de las horas, como America/Mexico_City. Si no, la de este equipo
    .value = ZONA
help-arg-plan-set-itinerary = A dónde vas y cómo; '' para ninguno
    .value = TEXTO
help-arg-plan-set-itinerary-file = Archivo con el itinerario; - es la entrada estándar
    .value = ARCHIVO
help-arg-plan-set-margin = Cuánto después de la gracia sueltan los servidores lo que se les dejó: 5 (minutos)
    .value = MINUTOS
help-arg-plan-set-low-battery = Decir en cada reporte que se puede acabar la batería
help-arg-plan-set-no-signal = Decir en cada reporte que habrá un rato sin señal
help-arg-plan-set-note = Unas palabras para el círculo
    .value = TEXTO
help-arg-plan-set-wait = Cuánto esperar los acuses de recibo: 10 (segundos), 2m
    .value = SEGUNDOS
help-arg-plan-silence-until = Tu siguiente reporte toca entonces: 18:00, "2026-11-25 18:00", 2h
    .value = HORA
help-arg-plan-silence-over = El silencio terminó: desde ahora como antes
help-arg-plan-silence-note = Unas palabras para el círculo
    .value = TEXTO
help-arg-plan-silence-wait = Cuánto esperar los acuses de recibo: 10 (segundos), 2m
    .value = SEGUNDOS
help-arg-plan-end-note = Unas palabras para el círculo
    .value = TEXTO
help-arg-plan-end-wait = Cuánto esperar los acuses de recibo: 10 (segundos), 2m
    .value = SEGUNDOS
help-arg-watch-off-shift = Fuera de turno: no se avisa que estás velando, y lo que puede esperar suena primero en otro lado
help-arg-status-ask = Pasar lista: preguntar quién está velando ahora, y esperar un momento las respuestas
help-arg-circle-agree-grace = Tras un reporte que no llegó, antes de alarmar a nadie: 15 (minutos)
    .value = MINUTOS
help-arg-circle-agree-tier-two = Nadie la toma: tras este tiempo se pide a todo el círculo
    .value = MINUTOS
help-arg-circle-agree-tier-three = Nadie la toma: tras este tiempo se muestran los contactos de fuera
    .value = MINUTOS
help-arg-circle-agree-repeat = Una alerta que nadie toma suena otra vez tras este tiempo
    .value = MINUTOS
help-arg-circle-agree-claim-quiet = Quien la tomó y no da señales en este tiempo deja de llevarla
    .value = MINUTOS
help-arg-circle-agree-road = Entre reportes en camino: 60 (minutos), 1h30
    .value = MINUTOS
help-arg-circle-agree-base = Entre reportes en la base
    .value = MINUTOS
help-arg-circle-agree-home = Entre reportes en casa
    .value = MINUTOS
help-arg-hand-over-alert = Clave corta o nombre de quien dio la alarma; solo hace falta si tomaste varias
    .value = ALERTA
help-arg-hand-over-text = Lo que debe saber; la primera palabra puede ser la clave corta de la alerta
    .value = TEXTO
help-arg-hand-over-to = A quién se le pide que la tome: clave corta o nombre
    .value = PERSONA
help-arg-drill-text = Qué se practica
    .value = TEXTO
help-arg-drill-wait = Cuánto esperar a que todas las personas lo reciban y alguien lo tome: 60 (segundos), 5m
    .value = SEGUNDOS
help-arg-drill-report = Ver cómo salió un simulacro: el de esta clave corta, o el último
    .value = SIMULACRO
help-arg-contacts-add-name = Nombre
    .value = NOMBRE
help-arg-contacts-add-how = Cómo localizarle, y para qué
    .value = TEXTO
help-arg-contacts-remove-name = Nombre
    .value = NOMBRE
help-arg-completions-shell = bash, zsh, fish, elvish o powershell
    .value = INTÉRPRETE
help-arg-log-alert = Clave corta, o nombre de la persona de quien trata la alerta; si no, todas
    .value = ALERTA
help-arg-log-export-alert = Clave corta, o nombre de la persona de quien trata la alerta; solo hace falta si hay varias
    .value = ALERTA
help-arg-log-export-out = Una carpeta, o el nombre del archivo nuevo
    .value = RUTA
help-arg-log-export-formats = md (para personas) o json (para comprobar). Se puede repetir; en una carpeta, si no, los dos
    .value = FORMATO
help-arg-log-export-consent = Quién aceptó, cuándo y qué
    .value = TEXTO
help-arg-log-export-redact = Omitir a esta persona o estas palabras, o all para todas las personas. Se puede repetir
    .value = NOMBRE
help-arg-log-verify-file = Un archivo JSON exportado; si no, la bitácora de este equipo
    .value = ARCHIVO
help-arg-log-verify-head = El final que se anotó antes: número, dos puntos y al menos 16 dígitos
    .value = FINAL
help-arg-wipe-yes = No preguntar
help-arg-backup-file = El archivo nuevo
    .value = ARCHIVO
help-arg-backup-backup-passphrase-file = Leer la frase de acceso del respaldo de la primera línea de este archivo
    .value = ARCHIVO
help-arg-restore-file = El respaldo
    .value = ARCHIVO
help-arg-restore-backup-passphrase-file = Leer la frase de acceso del respaldo de la primera línea de este archivo
    .value = ARCHIVO
help-arg-restore-show = Solo mostrar lo que contiene
help-arg-duress-second-file = Archivo cuya primera línea es la segunda frase de acceso
    .value = ARCHIVO
help-arg-duress-second-fd = Leer la segunda frase de acceso de este descriptor de archivo abierto
    .value = N
help-arg-duress-remove = Quitar la segunda frase de acceso

### Palabras

role-defender = persona defensora
role-accompanier = acompañante
role-coordinator = coordinación
mood-well = bien
mood-tired = con cansancio
mood-unwell = mal
mood-afraid = con miedo
flag-low-battery = poca batería
flag-no-signal = estará sin señal
flag-planned-silence = silencio planeado
word-you = tú
word-nobody = nadie
word-unknown-member = una persona desconocida
word-somebody-new = alguien nuevo
# El nombre de quien estuvo en el círculo.
word-former = { $name } (ya no está en el círculo)
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
passphrase-advice = Elige seis palabras o más, al azar, que vas a recordar. Nadie puede recuperarla por ti.

### init

init-done = Bóveda creada: { $path }
init-next = Sigue: velar circle new, o velar join si te invitaron.

### circle

circle-new-done = Se formó el círculo «{ $circle }». La coordinación está a tu cargo.
circle-new-next = Sigue: velar invite, junto con la persona a quien quieres invitar.
circle-new-kept = El círculo ya está en este equipo, pero aún no hay conexión con el servidor { $relay }. Se intentará de nuevo con la siguiente orden.
circle-name = Círculo: { $circle }
circle-me = Tú: { $name } ({ $roles })
circle-relay = Servidor: { $relay }
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

### members remove

remove-means = En cuanto lo sepan, las demás personas ya no le dicen nada a { $name } ni reciben nada de { $name }: ni reportes ni alarmas. Se avisa a ese equipo; lo que tiene se queda ahí. Para volver, hay que invitar otra vez a { $name }.
remove-duress = Puede que { $name } esté bajo coacción ({ $alert }). Ese equipo mostrará que ya no está en el círculo: lo verá quien lo tenga. Si ahora eso es un peligro, espera.
remove-alert = Hay una alerta abierta por { $name } ({ $alert }). Sigue abierta hasta que alguien la cierre.
remove-awaited = El círculo espera un reporte de { $name } antes de { $time }. Dejará de esperarlo.
remove-late = El reporte de { $name } tocaba antes de { $time } y, hasta donde se sabe aquí, no llegó. Se vuelve una alerta; si se puede, habla antes con { $name }.
remove-claim = { $name } tomó la alerta { $alert }. Sin { $name } no la tendrá nadie: que alguien la tome antes, velar claim { $alert }
remove-reopens = { $name } cerró en estos días la alerta { $alert }. Se abre otra vez, y la tiene que cerrar otra persona.
remove-not-up-to-date = !!! Ningún servidor ha entregado todo: puede haber algo de esta persona que aún no llega aquí.
remove-ask = ¿Quitar a { $name } del círculo?
remove-done = { $name } ya no está en el círculo.
remove-others = Ya se avisa a las demás personas.
remove-told = Un mensaje va en camino al equipo de { $name }; aquí no se sabe si llega. Que alguien del círculo se lo diga también.
remove-not-told = NO se puede avisar al equipo de { $name }. Hay que decírselo por otro medio: en el círculo ya nadie recibe lo que envíe ese equipo.

### members new-token

new-token-means = Desde ahora nada de { $name } llega a este dispositivo con la ficha que tiene, tampoco una alarma; las demás personas sí la oyen. Se le avisa a { $name } de la nueva.
new-token-ask = ¿Que ya no cuente?
new-token-kept = { $name } tendrá otra ficha en cuanto un servidor la registre.
new-token-told = La otra ficha para { $name } está registrada. Se le avisa a { $name }; todavía no se sabe si la tiene.
new-token-received = { $name } tiene otra ficha.
new-token-earlier = La anterior cuenta todavía, para que llegue una alarma de { $name }. También llega lo demás que venga con ella. Acaba cuando { $name } tenga la nueva y se haya reportado después; cuando mucho { $time }.
new-token-ended = La ficha anterior de { $name } ya no cuenta.

### Estados verdaderos, para cada persona

state-queued = en espera aquí, aún no enviado
state-at-relay = en el servidor { $relay }
state-received = lo recibió la terminal de { $name }, { $time }
state-relay-asks = sin enviar: falta tu respuesta sobre { $relay }
state-relay-refused = sin enviar: dijiste que no a { $relay }
state-given-up = no le va a llegar: salió del círculo, o su servidor se niega

### Qué fue de lo enviado (reporte, mensaje, nota, alerta)

sent-received = Lo recibió la terminal de: { $names }
sent-received-all = Lo recibieron todas las terminales ({ $count }).
sent-at-relay = En el servidor, aún sin recibir por: { $names }
sent-kept = AÚN NO SE ENVÍA. Está guardado aquí. Para que salga, deja abierto velar watch.
sent-not-reached = AÚN NO le llega a: { $names }
sent-relay-asks = A { $name } solo le llega por { $relay }, un servidor que nadie más usa aquí. Para enviarle por ahí: velar relays allow { $relay }
sent-relay-refused = A { $name } solo le llega por { $relay }, y dijiste que no. Para enviarle por ahí de todos modos: velar relays allow { $relay }
sent-waits-at-relay = Les espera en el servidor.
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
panic-at-relay = La alarma está en el servidor { $relay }.
panic-received = La recibió la terminal de { $name }.
panic-taken = La tomó { $name }.
panic-summary = { $count ->
    [0] NINGUNA terminal la ha recibido todavía.
    [one] La ha recibido 1 terminal de { $total }.
   *[other] La han recibido { $count } terminales de { $total }.
}
panic-not-reached = AÚN NO le llega a: { $names }
panic-no-connection = SIN CONEXIÓN: la alarma aún no sale. Está guardada aquí y se intenta otra vez mientras esto siga abierto.
panic-not-taken = AÚN NO SALE: el servidor { $relay } no recibe la alarma por ahora. Está guardada aquí y se intenta otra vez mientras esto siga abierto.
panic-not-out = AÚN NO SALE: la alarma está guardada aquí y se intenta otra vez mientras esto siga abierto.
panic-pin = Quien responde en { $relay } NO es tu servidor. La alarma no se le entregó y sigue guardada aquí. Usa ya otro medio.
panic-cut = El texto era muy largo: solo sale el principio.
panic-kept = AÚN NO SALE: la alarma está guardada aquí. Para que salga, deja abierto velar watch.
panic-goes-on = Se sigue hasta que alguien haya recibido la alarma. Ctrl-C lo termina.
panic-keeps-trying = Este equipo solo sigue intentando mientras corre velar. Escribe ahora y déjalo abierto: velar watch
panic-other-means = Si puedes, usa también otro medio: llama, grita, ve a donde haya gente.
panic-failed = NO SE DIO LA ALARMA. Usa otro medio ya: llama, grita, ve a donde haya gente.
panic-state = Para ver quién la recibió y quién la tomó: velar alerts
panic-false = Si resulta que no era nada: velar stand-down. Más valen diez falsas alarmas que un silencio.
panic-nobody = El círculo eres solo tú: NADIE puede recibir esta alarma. Usa otro medio ya.

### alerts

alerts-none = No hay alertas abiertas.
alerts-closed-too = Las cerradas: velar alerts --all
alerts-not-up-to-date = SIN ACTUALIZAR: ningún servidor respondió. Esto es lo que ya se sabía aquí.
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
alert-reason-released = el servidor soltó la alerta que se le dejó para este caso
alert-reason-duress = puede estar bajo coacción
alert-reason-drill = simulacro
alert-people = Estado para cada persona:
alert-not-reached = NO le ha llegado a: { $names }
alert-added-not-received = Lo último que agregaste aún no le llega a: { $names }

### claim, release, note, stand-down, close

claim-done = Tomaste la alerta { $alert } de { $name }. Se avisa al círculo.
claim-second = { $leader } tomó la alerta { $alert } al mismo tiempo y la lleva. Tú apareces en apoyo: acuerden quién hace qué.
claim-leads = Tú la llevas. También la tomó al mismo tiempo: { $names }. Acuerden quién hace qué.
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
watch-disconnected-one = { $time } Por ahora sin conexión con { $relay }. Lo que se envía por tus otros servidores sigue llegando a esta terminal; quien todavía no los conoce no puede alcanzarte.
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
watch-handed-over = { $time } Alerta { $alert } de { $name }: { $by } pide a { $to } que la tome
watch-note = { $time } Alerta { $alert } de { $name }, { $by }: { $text }
watch-stand-down-asked = { $time } Alerta { $alert }: { $name } dice «estoy a salvo». Confirma una segunda persona: velar stand-down { $alert } --confirm
watch-stand-down-confirmed = { $time } Alerta { $alert }: { $by } confirmó que { $name } está a salvo.
watch-closed = { $time } La alerta { $alert } de { $name } la cerró { $by }.
watch-join-request = { $time } { $name } pide entrar al círculo: velar approve
watch-member-joined = { $time } { $name } ya está en el círculo ({ $roles }).
watch-member-left = { $time } { $name } ya no está en el círculo.
watch-removed = { $time } !!! Este equipo ya no está en el círculo. Ahí nadie recibe sus reportes ni sus alarmas, y ya no vela por nadie. Habla con el círculo por otro medio.
watch-undone = { $time } *** ALERTA { $alert } de { $name } *** está abierta: lo que hizo { $by } ya no cuenta.
watch-invitation-void = { $time } !!! Una invitación se respondió DOS VECES y quedó anulada. Puede que alguien más la haya visto. Haz otra, en persona: velar invite
watch-expired = { $time } { $count ->
    [one] El servidor borró { $count } mensaje antes de que este equipo lo leyera.
   *[other] El servidor borró { $count } mensajes antes de que este equipo los leyera.
} Pregunta a las demás personas qué te perdiste.
watch-roster-conflict = { $time } !!! Dos listas de integrantes de este círculo se contradicen. Habla con el círculo en persona o de viva voz antes de seguir.
watch-claim-expired = { $time } *** ALERTA { $alert } de { $name } *** Quien la tomó dejó de dar señales. Hace falta alguien: velar claim { $alert }
watch-unopened-not-asked = { $time } No se pudo abrir algo de { $name }. Si esperas algo, pídelo otra vez.
watch-from-former = { $time } !!! Llegó algo de { $name } que ya no cuenta. Puede ser importante: búscale por otro medio.
watch-newer = { $time } !!! { $name } dijo algo con una versión MÁS NUEVA de velar ({ $theirs }), que esta ({ $own }) no puede leer. PUEDE SER UNA ALARMA: pregúntale a { $name } por otro medio. Quedó guardado; para leerlo, instala el velar más nuevo en este dispositivo.
watch-newer-envelope = { $time } Llegó algo en una versión de velar más nueva ({ $theirs }) que esta ({ $own }). Todavía no se sabe quién lo envió. Quedó guardado; para leerlo, instala el velar más nuevo en este dispositivo.
watch-unopened = { $time } Algo de { $name } no se pudo abrir; ya se pidió otra vez.
watch-unmatched = { $time } Llegó algo con la ficha que le diste a { $name } y aquí no se pudo abrir. Ya se pidió otra vez.
watch-unmatched-not-asked = { $time } Llegó algo con la ficha que le diste a { $name } y aquí no se pudo abrir.
watch-token-taken = { $time } En { $relay } alguien más había registrado la ficha que le diste a { $name }; lo dice el servidor. { $name } tendrá otra.
watch-token-taken-spare = { $time } En { $relay } alguien más había registrado una ficha que { $name } guarda para alguien nuevo; lo dice el servidor. Se le dejan otras a { $name }.
watch-token-taken-invitation = { $time } En { $relay } alguien más había registrado la ficha de una invitación; lo dice el servidor. Ahí nadie puede responderla. Para hacer otra: velar invitar
watch-answer-refused = { $time } Una respuesta a tu invitación no corresponde a ella, por su servidor, sus llaves o su hora, y no se tomó. Puede que alguien más tenga el enlace. Para hacer otra: velar invitar
watch-token-ended = { $time } La ficha anterior de { $name } ya no cuenta: se conservó 30 días. Aquí no se sabe si { $name } tiene la nueva.
watch-no-room = { $time } En el servidor { $relay } no hay lugar para las fichas de: { $names }. Lo que te manden por ahí no llega hasta que lo haya. Se le pide otra vez cada pocos minutos.
watch-clock = { $time } El reloj de este equipo y el del servidor difieren por { $minutes } minutos. Revisa la hora de este equipo.
watch-clock-unclear = { $time } Entre el reloj de este dispositivo y el del servidor hay { $minutes } minutos de diferencia. El servidor dice que su reloj se cambió. Compara la hora de este dispositivo con otro reloj.
watch-not-opened = { $time } El servidor { $relay } no tomó todas las claves de este equipo ({ $why }): puede que algunas personas no te alcancen. Se intenta otra vez con la próxima conexión.
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
status-unopenable = Tu buzón en { $relay } NO podría volver a abrirse si ese servidor perdiera su disco. Pide un código de acceso a quien lo opera y después: velar relays token { $relay } --access-token-file ARCHIVO
status-disconnected-one = Conexión: por ahora NO HAY con { $relay }. Lo que se envía por tus otros servidores llega; quien todavía no los conoce no puede alcanzarte.
status-queue-empty = No falta nada por enviar.
status-unopened-unknown = { $count ->
    [one] Desde ayer llegó { $count } sobre que aquí no se pudo abrir. No se sabe con qué ficha.
   *[other] Desde ayer llegaron { $count } sobres que aquí no se pudieron abrir. No se sabe con qué ficha.
}
many-unopened-member = Llegan muchos sobres con la ficha que le diste a { $name } y aquí ninguno se puede abrir: { $count } desde ayer. Lo dice el servidor; un servidor puede mentir.
many-unopened-earlier = Llegan muchos sobres con la ficha anterior de { $name } y aquí ninguno se puede abrir: { $count } desde ayer. Lo dice el servidor; un servidor puede mentir.
many-unopened-spare = Llegan muchos sobres con una ficha que { $name } guarda para alguien nuevo y aquí ninguno se puede abrir: { $count } desde ayer. Lo dice el servidor; un servidor puede mentir.
many-unopened-invitation = Llegan muchos sobres con la ficha de una invitación y aquí ninguno se puede abrir: { $count } desde ayer. Lo dice el servidor; un servidor puede mentir. Acaba cuando acaba la invitación.
many-unopened-next = Para darle otra ficha a { $name }: velar integrantes ficha-nueva { $id }
many-unopened-end = Para que la anterior ya no cuente: velar integrantes ficha-nueva { $id } --ya
status-exchange-pending = { $name } tendrá otra ficha en cuanto un servidor la registre. Hasta entonces cuenta la que tiene.
status-exchange = Se le avisa a { $name } de su otra ficha. La anterior cuenta hasta que { $name } la tenga y se haya reportado después; cuando mucho hasta { $time }. Para que ya no cuente: velar integrantes ficha-nueva { $id } --ya
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
status-newer = { $count ->
    [one] { $count } mensaje de { $names } se dijo con un velar más nuevo, y este no puede leerlo. Puede ser una alarma: pregunta a { $names } por otro medio. Quedó guardado; para leerlo, instala el velar más nuevo en este dispositivo.
   *[other] { $count } mensajes de { $names } se dijeron con un velar más nuevo, y este no puede leerlos. Pueden ser alarmas: pregunta a { $names } por otro medio. Quedaron guardados; para leerlos, instala el velar más nuevo en este dispositivo.
}
status-newer-envelopes = { $count ->
    [one] Llegó { $count } cosa en una versión más nueva de velar. Todavía no se sabe quién la envió. Para leerla, instala el velar más nuevo en este dispositivo.
   *[other] Llegaron { $count } cosas en una versión más nueva de velar. Todavía no se sabe quién las envió. Para leerlas, instala el velar más nuevo en este dispositivo.
}
status-requests = { $count ->
    [one] { $count } persona pide entrar: velar approve
   *[other] { $count } personas piden entrar: velar approve
}
status-no-successor = Nadie puede suplir a la coordinación principal: si falta, no se puede cambiar el círculo.
status-clock = El reloj de este equipo y el del servidor difieren por { $minutes } minutos. Revisa la hora de este equipo.
status-clock-unclear = Entre el reloj de este dispositivo y el del servidor hay { $minutes } minutos de diferencia. El servidor dice que su reloj se cambió. Compara la hora de este dispositivo con otro reloj.
relay-clock-forward = El servidor { $relay } dice que su reloj se adelantó { $minutes } minutos. Los plazos se cuidan igual. Avisa a quien opera el servidor.
relay-clock-back = El servidor { $relay } dice que su reloj se atrasó { $minutes } minutos. Los plazos se cuidan igual. Avisa a quien opera el servidor.
presence-count = Velando: { $count } de { $total }: { $names }
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
error-vault-foreign = La base de datos en { $path } no está como la hace velar: alguien la cambió, o está dañada. Se dejó como está.
    .next = Copia la carpeta y no borres nada. Luego recupera un respaldo en una bóveda nueva: velar init y velar restore ARCHIVO, con --vault CARPETA. Si no hay respaldo, pide una invitación nueva a la coordinación principal.
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
error-removed = Este equipo ya no está en el círculo. Ahí nadie recibe sus reportes ni sus alarmas.
    .next = Habla con el círculo por otro medio. Lo de antes sigue aquí: velar inbox, velar alerts, velar log. Para estar otra vez en un círculo necesitas una invitación y otra bóveda: --vault CARPETA
error-lead-stays = Tú llevas la coordinación principal: sin ti nadie podría cambiar el círculo.
    .next = Quita a otras personas, o forma un círculo nuevo con otra bóveda: velar circle new
error-remove-unconfirmed = No se quitó a { $name }: aquí no hay a quién preguntarle.
    .next = Si es lo que quieres: velar members remove { $name } --yes
error-new-token-unconfirmed = La ficha de { $name } sigue contando: aquí no hay a quién preguntarle.
    .next = Si es lo que quieres: velar integrantes ficha-nueva { $name } --ya --si
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
error-invitation-gone = La invitación no está en el servidor: venció, ya se usó o se anuló.
    .next = Pide otra a la coordinación.
error-invitation-expired = La invitación venció.
    .next = Pide otra a la coordinación. Si es nueva: revisa la fecha y la hora de este equipo.
error-invitation-false = Lo que está en el servidor para esta invitación NO lo hizo quien te la dio. No se respondió nada.
    .next = Puede que alguien más haya visto el enlace. Pide otra a la coordinación, en persona.
error-invitation-newer = Este velar es más antiguo que el que hizo la invitación, y no puede leerla. No se respondió nada.
    .next = Instala el velar más nuevo en este dispositivo y responde otra vez la invitación.
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
error-invitations-many = Hay demasiadas invitaciones abiertas; el servidor no tomaría más.
    .next = Rechaza las que se respondieron por error (velar approve --reject), o espera: la que nadie responde se retira a los 16 días.
error-tokens-many = Cuentan demasiadas fichas a la vez; el servidor no tomaría más.
    .next = Espera a que acaben otras que cambiaste (velar estado), o a que acaben las invitaciones abiertas.
error-exchanges-many = Ya se están cambiando las fichas de 16 personas. Con una más dejaría de contar una con la que todavía llega la alarma de alguien.
    .next = Espera a que alguna persona tenga la nueva (velar estado). Para que deje de contar la anterior de quien no la necesite: velar integrantes ficha-nueva NOMBRE --ya
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

### Errores: servidor y red

error-relay-address = «{ $given }» no es la dirección de un servidor: { $detail }
    .next = Es como velar://servidor:puerto#huella. Ponla entre comillas; la tiene quien opera el servidor.
error-relay-unreachable = No hay conexión con el servidor { $relay }: { $detail }
    .next = Revisa la conexión. Lo que se iba a enviar está guardado aquí; velar watch lo envía.
error-relay-full = Al servidor { $relay } no le queda lugar por ahora, en su disco o en el buzón al que va.
    .next = Está guardado aquí y se intenta otra vez. Si sigue así, avisa a quien opera el servidor.
error-relay-full-nothing-kept = Al servidor { $relay } no le queda lugar por ahora.
    .next = No se cambió nada. Inténtalo más tarde, o avisa a quien opera el servidor.
error-token-taken = En el servidor { $relay } alguien más había registrado la ficha con la que llegaría la respuesta; eso dice.
    .next = Puede haber una intromisión. Prueba con otra invitación. Si vuelve a pasar, avisa a quien opera el servidor, o usa otro servidor.
error-relay-unreachable-nothing-kept = No hay conexión con el servidor { $relay }: { $detail }
    .next = Revisa la conexión y la dirección, e inténtalo otra vez. No se cambió nada.
error-relay-pin = Quien responde en { $relay } NO es el servidor que promete su dirección. No se envió nada.
    .next = Puede haber una intromisión, o el servidor cambió de llave. Pregunta por otro medio a quien lo opera; no sigas hasta saberlo.
error-relay-older = El servidor { $relay } es más antiguo que este velar: hablan versiones distintas del protocolo.
    .next = Pide a quien opera el servidor que lo actualice.
error-relay-newer = Este velar es más antiguo que el servidor { $relay }: hablan versiones distintas del protocolo.
    .next = Instala la versión más nueva de velar en este dispositivo.
error-relay-refused = El servidor { $relay } se negó: { $detail }
    .next = Pregunta a quien lo opera. velar status muestra qué sigue en espera.
error-relay-access-token = El servidor { $relay } solo abre un buzón nuevo con un código de acceso que ahí valga.
    .next = Si te invitaron, pide otra invitación. Si no, pide un código a quien opera el servidor y dalo con --access-token-file ARCHIVO.
error-relay-access-spent = El servidor { $relay } no te abrió un buzón: la invitación, o el código de un solo uso, ya se usó, o su tiempo terminó.
    .next = Si no lo hiciste tú, alguien más pudo verla: avísale a quien te la dio y pide otra.
error-invite-access-token = No se hizo ninguna invitación: el servidor { $relay } solo abre buzones para gente nueva con un código de acceso, y este dispositivo no tiene uno que ahí valga.
    .next = Pide uno propio a quien opera el servidor y después: velar relays token { $relay } --access-token-file ARCHIVO
error-once-access-token = Este dispositivo no tiene un código de acceso propio en { $relay }, así que no puede hacer ninguno para otras personas.
    .next = Pide uno propio a quien opera el servidor y después: velar relays token { $relay } --access-token-file ARCHIVO
error-once-needless = Este dispositivo ya tiene un código de acceso propio en { $relay }. No cambió nada.
    .next = Guarda el de un solo uso para otra persona.
error-access-token-form = En { $path } no hay un código de acceso.
    .next = Es una línea que empieza con velar-access- o velar-once-, tal como te la dieron.
error-access-token-wrong = El código de acceso no vale en { $relay }. No cambió nada.
    .next = Pide otro a quien opera el servidor.
error-access-token-file = No se pudo leer el código de acceso de { $path }: { $detail }
    .next = El archivo lleva una sola línea, tal como te la dio quien opera el servidor.

### Razones, dentro de un error ({ $detail }, { $reason })

reason-no-socket = este equipo no pudo abrir una conexión de red
reason-unresolved = no se conoce el nombre { $host }
reason-no-route = no hay red, o no hay camino hasta { $host }
reason-timeout = no respondió a tiempo
reason-handshake = { $host } no responde como un servidor de Velar
reason-pin = NO es el servidor que promete su dirección
reason-older = es más antiguo que este velar y habla otra versión del protocolo
reason-newer = es más nuevo que este velar y habla otra versión del protocolo
reason-busy = el servidor no tiene lugar para otra conexión
reason-unavailable = el servidor no puede hacerlo ahora
reason-full = al servidor no le queda lugar por ahora
reason-protocol = la respuesta del servidor no tiene sentido
reason-closed = el servidor cerró la conexión
reason-lost = se perdió la conexión
reason-exec-code = terminó con el código { $code }
reason-exec-killed = una señal lo terminó
reason-exec-long = llevaba más de un minuto y se terminó
reason-refused-malformed = no entendió lo que se le pidió
reason-refused-proof = no aceptó la prueba de este equipo
reason-refused-access = el código de acceso falta, no es el correcto o ya no vale
reason-refused-spent = el permiso para abrir un buzón ya se usó o su tiempo terminó
reason-refused-mailbox = el buzón no está abierto ahí
reason-refused-token = este equipo ya no puede enviarle a esa persona
reason-token-taken = alguien más había registrado la ficha
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

## Planes y plazos

plan-none = No hay plan.
plan-how = Para acordar cuándo te reportas: velar plan set --every 60m, o --at 09:00,20:00
plan-is = Tu plan: { $plan }
plan-set = Plan acordado: { $plan }
plan-set-kept = Plan: { $plan }. Todavía nadie lo sabe: hasta que salga, tu círculo espera lo que estaba acordado.
plan-ended = Desde ahora no queda acordado ningún reporte: tu círculo ya no espera uno.
plan-ended-kept = Ya no quedará acordado ningún reporte. Todavía nadie lo sabe: hasta que salga, tu círculo espera el que estaba acordado.
plan-silent = Silencio planeado hasta { $time }.
plan-silent-kept = Silencio planeado hasta { $time }. Todavía nadie lo sabe: hasta que salga, tu círculo espera el reporte que estaba acordado.
plan-silence-over = Terminó el silencio planeado.
plan-silence-over-kept = El silencio planeado va a terminar. Todavía nadie lo sabe: hasta que salga, tu círculo no espera nada antes de su final.
plan-silence-how = ¿Vuelves antes? velar plan silence --over
plan-every = un reporte cada { $time }
plan-at = reportes a las { $times } ({ $zone })
plan-grace = gracia { $time }
plan-until = hasta { $time }
plan-over = terminado: ya no hay reportes acordados
plan-silent-until = silencio planeado hasta { $time }
plan-with-itinerary = con itinerario
plan-flags = Se dice en cada reporte: { $flags }
plan-itinerary = Itinerario, que nadie lee si no falta un reporte:
checkin-no-next = No queda acordado un siguiente reporte.
checkin-no-plan = No tienes plan: este es el intervalo de tu círculo en base. Para otras horas, o ninguna: velar plan --help
checkin-silence = Silencio planeado: repórtate otra vez antes de { $time }
alerts-cannot-know = { $name }: NO SE PUEDE SABER. El reporte tocaba antes de { $due }, y desde entonces ningún servidor ha respondido. Pregúntale a { $name } por otro medio.
status-member-unknown = { $name }: NO SE PUEDE SABER. Último reporte { $time }; el siguiente tocaba antes de { $due }, y desde entonces ningún servidor ha respondido
status-own-late = Tu reporte tocaba antes de { $time }: velar checkin
watch-cannot-know = { $time } !!! NO SE PUEDE SABER si { $name } se reportó: tocaba antes de { $due }, y ningún servidor ha respondido desde entonces. Pregúntale a { $name } por otro medio.
watch-late-unkept = { $time } *** { $name } NO SE HA REPORTADO ***: tocaba antes de { $due }. No se puede escribir en la bóveda, así que aquí aún no es una alerta. Busca a { $name } y avisa a las demás personas.
watch-own-soon = { $time } Tu reporte toca antes de { $due }: velar checkin
watch-own-due = { $time } *** YA TOCA TU REPORTE, desde { $due } ***: velar checkin
watch-clock-ahead = { $time } !!! El reloj de este equipo se ADELANTÓ { $minutes } minutos. Puede parecer que alguien se atrasó sin que sea así. Revisa la hora de este equipo.
watch-clock-back = { $time } !!! El reloj de este equipo se ATRASÓ { $minutes } minutos. Los plazos se cuidan igual. Revisa la hora de este equipo.
watch-overdue-last = { $time } Último reporte de { $name }: { $last }; el siguiente tocaba antes de { $due }.
watch-checkin-open = { $time } La alerta { $alert } de { $name } sigue abierta hasta que alguien hable con { $name }: velar claim { $alert }, y después velar close { $alert }
watch-outdated = { $time } Un servidor soltó lo que { $name } le dejó por si guardaba silencio, pero { $name } se ha reportado desde entonces. No suena nada.
watch-outdated-passed-on = { $time } { $by } avisa que faltó un reporte de { $name }, pero aquí hay uno más nuevo. No suena nada.
error-plan-past = Esa hora ya pasó, o no existe. No se cambió nada.
    .next = Pon una más tarde: 18:00, "2026-11-25 18:00" o 2h
error-plan-far = Pasarían más de 30 días antes de que se notara tu ausencia, con gracia y margen. No se cambió nada.
    .next = Elige un tiempo más corto, para que alguien sepa de ti antes.
error-plan-zone = No existe la zona horaria «{ $zone }».
    .next = Se escribe como America/Mexico_City o Europe/Madrid.
error-plan-zone-unknown = No se conoce el nombre de la zona horaria de este equipo.
    .next = Di en cuál son las horas: --zone America/Mexico_City
error-plan-itinerary = El itinerario tiene más de { $limit } bytes.
    .next = Acórtalo: tiene que caber en un sobre sellado.
error-plan-file = No se pudo leer el itinerario de { $path }: { $detail }
    .next = Revisa que el archivo exista y que puedas leerlo.
error-plan-not-silent = No hay un silencio planeado en curso.
    .next = velar plan muestra lo acordado. Para reportarte: velar checkin

## Varios servidores

help-cmd-relays = Los servidores por los que llega todo a este equipo
    .more = Con dos servidores de organizaciones distintas, si uno se cae, lo bloquean o lo confiscan, no se pierde nada.
help-cmd-relays-list = Muestra cuáles son y si responden
help-cmd-relays-add = Usa también otro servidor
help-arg-relays-add-relay = Dirección del servidor, con su huella: velar://servidor:puerto#huella
    .value = DIRECCIÓN
help-arg-relays-add-access-token-file = Archivo con tu código de acceso, si el servidor lo pide
    .value = ARCHIVO
help-cmd-relays-token = Usa un código de acceso propio en un servidor: para invitar y para volver a abrir tu buzón
    .more = Te lo da quien opera el servidor. Una invitación lleva permiso para un buzón, nunca el código.
help-arg-relays-token-relay = Su servidor, servidor:puerto o dirección completa
    .value = SERVIDOR
help-arg-relays-token-access-token-file = Archivo con el código de acceso
    .value = ARCHIVO
help-cmd-relays-once = Haz un código de acceso de un solo uso: con él otra persona usa también un servidor donde tienes uno
    .more = Abre un solo buzón, a quien lo use primero. Tu propio código se queda contigo.
help-arg-relays-once-relay = Su servidor, servidor:puerto o dirección completa
    .value = SERVIDOR
help-cmd-relays-leave = Deja de usar un servidor
help-arg-relays-leave-relay = Su servidor, servidor:puerto o dirección completa
    .value = SERVIDOR
relays-answers = { $relay } responde.
relays-silent = { $relay } no responde ahora.
relays-left = { $relay } ya no se usa ({ $time }); lo que quede ahí para ti se lee durante 14 días.
relays-no-room = En { $relay } no hay lugar para las fichas de: { $names }. Lo que te manden por ahí no llega hasta que lo haya.
relays-taken = { $relay } dice que alguien más había registrado las fichas de: { $names }. Tendrán otras, unas pocas por hora.
relays-one = Es tu único servidor. Para agregar otro, de otra organización: velar relays add
relays-added = Lo que te manden llega también por { $relay }. Las demás personas ya lo saben, o lo sabrán al conectarse.
relays-added-kept = { $relay } todavía no responde. Queda guardado: lo siguiente que hagas lo intenta de nuevo.
relays-token = Este dispositivo usa desde ahora ese código de acceso en { $relay }. Para invitar a alguien: velar invite
relays-token-kept = { $relay } no responde ahora, así que no se pudo probar el código de acceso. Queda guardado: velar invite lo prueba.
relays-once = Solo se muestra esta vez. Abre un solo buzón en { $relay }, a quien lo use primero, hasta { $time }. Dáselo a una sola persona por un medio que nadie más lea. Lo guarda en un archivo y después: velar relays add { $address } --access-token-file ARCHIVO
relays-leaving = Dejas { $relay }. Se avisa a las demás personas; lo que quede ahí para ti se lee durante 14 días.
help-cmd-relays-allow = Envía también por un servidor que solo usa una persona
help-arg-relays-allow-relay = Su servidor, servidor:puerto o dirección completa
    .value = SERVIDOR
help-cmd-relays-refuse = No se conecta nunca a un servidor que usa una persona
    .more = Quien opera un servidor ve la dirección IP de cada dispositivo que se conecta, y cuándo.
help-arg-relays-refuse-relay = Su servidor, servidor:puerto o dirección completa
    .value = SERVIDOR
relays-named-known = { $relay }: por ahí va lo que le envías a { $names }.
relays-named-asks = { $relay }: por ahí le llega a { $names }, y a nadie más. NO SE USA hasta que decidas: velar relays allow { $relay } o velar relays refuse { $relay }
relays-named-refused = { $relay }: por ahí le llega a { $names }. Dijiste que no. Para cambiarlo: velar relays allow { $relay }
relays-why = Quien opera un servidor ve tu dirección IP, y cuándo envías por ahí. Pregúntale a esa persona por otro medio por qué lo usa.
relays-allowed = Desde ahora, lo que le envías a { $names } va por { $relay }.
relays-refused = Este dispositivo ya no se conecta a { $relay }.
relays-refused-only = Ahora NO se le envía NADA a { $names }, ni una alarma: no le llega por ningún otro lado. Díselo por otro medio.
error-relay-own = A ti te llega todo por { $relay }.
    .next = Para dejar de usarlo: velar relays leave { $relay }
error-relay-nobodys = Por { $relay } no le llega nada a nadie de aquí.
    .next = velar relays muestra por dónde le llega a cada persona.
relays-leaving-kept = Todavía no se pudo avisar a nadie. Lo siguiente que hagas lo intenta de nuevo.
error-relay-known = Ya usas este servidor.
    .next = velar relays muestra los que usas.
error-relays-many = Ya usas { $count } servidores; no caben más.
    .next = Deja uno primero: velar relays leave
error-relay-unknown = No está entre tus servidores.
    .next = velar relays muestra los que usas.
error-relay-ambiguous = Podrían ser varios servidores.
    .next = Escribe también el puerto: servidor:puerto
error-relay-last = Es el único servidor por el que te llega algo.
    .next = Agrega otro primero, y espera a que responda: velar relays add, velar relays

## Bitácora, borrado, respaldo

log-empty = La bitácora está vacía: todavía no ha llegado ninguna alerta a este equipo.
log-head = Final de la bitácora: { $head }
log-raised = { $by } dio la alarma
log-raised-by = { $by } dio la alarma por { $name }
log-raised-about = Alarma por { $name }: { $reason }
log-drill = { $line } (simulacro)
log-claimed = { $by } tomó la alerta
log-released = { $by } soltó la alerta
log-noted = { $by } anotó:
log-stand-down-asked = { $by } dijo «estoy a salvo»
log-stand-down-confirmed = { $by } confirmó que la persona está a salvo
log-closed = { $by } cerró la alerta
log-handed-over = { $by } le pidió a { $to } que tomara la alerta
log-first-hand = { $by } también lo dijo: antes lo habían transmitido otras personas
log-received = La terminal de { $by } recibió la alarma de este equipo
log-exported = { $by } exportó la bitácora, con este consentimiento:
log-other = Algo que esta versión no conoce
log-person = [Persona { $number }]
log-whole = La bitácora está íntegra: { $count ->
    [one] { $count } entrada
   *[other] { $count } entradas
}, cada una sigue a la anterior.
log-file-whole = El archivo está íntegro: { $count ->
    [one] { $count } entrada
   *[other] { $count } entradas
} de la alerta { $alert }, cada una en su lugar de la cadena.
log-file-left-out = Se omitió: { $words ->
    [one] { $words } palabra o clave
   *[other] { $words } palabras o claves
} y { $entries ->
    [one] { $entries } entrada completa
   *[other] { $entries } entradas completas
}, lo más probable de otras alertas. Lo omitido tampoco cambió.
log-compare-none = Que es la misma bitácora de antes solo lo muestra un final que se haya anotado entonces: --head FINAL
log-compare-same = Es la bitácora cuyo final se anotó.
log-compare-before = El final anotado es anterior a la primera entrada de este archivo: no dice nada de él.
log-exported-to = Escrito: { $path }
log-exported-note = Final de la bitácora, para anotarlo o decírselo a alguien de confianza: { $head }
log-exported-digest = Huella del archivo JSON: { $digest }
log-exported-names = Lleva todos los nombres. Para omitir algunos: --redact NOMBRE, o --redact all
log-exported-redacted = { $count ->
    [0] Se omitieron palabras de los textos.
    [one] Se omitió a { $count } persona, por clave y por nombre, también en los textos.
   *[other] Se omitió a { $count } personas, por clave y por nombre, también en los textos.
} Léelo antes de entregarlo.
log-note-one-device = Esto es lo que un equipo oyó y dijo, en ese orden. Los demás equipos del círculo llevan su propia bitácora; compárenlas.
log-note-chain = Cada entrada está atada a todas las anteriores. Quien haya anotado antes el final de la bitácora puede comprobar que hasta ahí nada se cambió, se movió ni se quitó; sin un final anotado, el archivo solo muestra que está íntegro en sí mismo.
log-note-unsigned = Aquí nada va firmado. No le prueba a terceros quién dijo qué.
log-note-complete = De otras alertas solo se muestran huellas. No está probado que entre ellas no haya entradas de esta alerta.
log-note-redaction = Los nombres se omitieron palabra por palabra. Quedan apodos, erratas, parentescos, lugares, horas y la manera de escribir: quien estuvo ahí puede reconocer a las personas.
log-note-names = Este documento lleva nombres. Quien lo tenga puede dañar a las personas nombradas; entrégalo solo a quien ellas hayan aceptado.
log-md-title = Bitácora de la alerta { $alert }
log-md-exported = Exportada: { $time }
log-md-clock = Las horas son del reloj de quien dijo cada cosa; «llegó» es del reloj del equipo que lleva esta bitácora.
log-md-left-out = { $count ->
    [one] Se omitió a { $count } persona. Cada número es siempre la misma persona; quién es, solo lo sabe quien exportó esto.
   *[other] Se omitió a { $count } personas. Cada número es siempre la misma persona; quién es, solo lo sabe quien exportó esto.
}
log-md-head = Final de la bitácora:
log-md-digest = Huella del archivo JSON con que se comprueba:
log-md-consent = Consentimiento
log-md-events = Lo que pasó
log-md-arrived = Llegó { $time }.
log-md-passed-on = Lo transmitió { $by }.
log-md-others = { $count ->
    [one] Entre estas hay { $count } entrada de la bitácora que no se muestra.
   *[other] Entre estas hay { $count } entradas de la bitácora que no se muestran.
}
log-md-notes = Cómo leer esto
# Lo que se escribe para borrar; varias palabras separadas por espacios, la primera es la que se muestra.
wipe-words = borrar wipe
wipe-warning = Esto destruye para siempre la bóveda en { $path }: llaves, mensajes, bitácora y el kit de pánico. No se le avisa a nadie y en los servidores no se cancela nada. Solo un respaldo puede devolver algo.
wipe-ask = Para seguir, escribe { $word }:
wipe-keys = Las llaves quedaron destruidas: ninguna frase de acceso vuelve a abrir esta bóveda.
wipe-done = Se borró todo lo que era de Velar en { $path }.
wipe-kit = También se destruyó el kit de pánico: desde aquí ya no se puede dar la alarma.
wipe-others = Se dejó como está, no es de Velar: { $paths }
wipe-silence = No se le avisó a nadie. Si había un reporte acordado, el plazo sigue corriendo: si no llega, suena una alerta en tu círculo.
wipe-flash = La memoria flash (teléfonos, SSD, tarjetas) y las copias del disco pueden guardar restos por un tiempo. De la bóveda: a quien los recupere le sigue haciendo falta tu frase de acceso. Del kit de pánico: ve los servidores y puede dar una alarma a tu nombre. Avísale a tu círculo.
backup-passphrase = Frase de acceso del respaldo:{" "}
backup-passphrase-new = Frase de acceso nueva, solo para el respaldo:{" "}
backup-done = Respaldo escrito: { $path }
backup-what = Lleva nombres, números de seguridad, el plan y la bitácora, pero ninguna llave ni mensaje. Guárdalo lejos de este equipo, y su frase de acceso lejos de él.
backup-of = Respaldo de { $name }, hecho { $time }
backup-plan = Plan: reportes acordados
backup-log = Bitácora: { $count ->
    [one] { $count } entrada
   *[other] { $count } entradas
}
restore-done = Lo que había en el respaldo ya está en esta bóveda. Los números de seguridad de arriba eran los de tu equipo anterior: compáralos de nuevo con cada persona.
restore-plan = Nadie cuenta con este plan hasta tu primer reporte: velar checkin
restore-next = Sigue: pide una invitación a la coordinación y después velar join. Pídele también que quite tu equipo anterior.

error-log-consent = La bitácora de una alerta solo se exporta con consentimiento, dicho con palabras: quién aceptó, cuándo y qué.
    .next = Pregúntale a la persona de quien trata y agrega por ejemplo: --consent "Ana aceptó el 3 de mayo entregarla al mecanismo de protección"
error-log-redact = Nadie se llama «{ $name }», y ningún texto de esta alerta lleva esas palabras. No se escribió nada.
    .next = Escríbelo tal como está ahí: velar log lo muestra. Un error aquí dejaría un nombre a la vista.
error-log-formats = Dos formatos necesitan una carpeta.
    .next = Da una carpeta que exista con --out, o un solo formato.
error-log-empty = La bitácora está vacía: todavía no ha llegado ninguna alerta a este equipo.
    .next = velar alerts trae lo que está en el servidor.
error-log-unknown = La bitácora no tiene una alerta «{ $alert }».
    .next = velar log muestra las que tiene.
error-log-several = La bitácora tiene varias alertas: { $alerts }
    .next = Di cuál: agrega su clave corta.
error-log-none = Eso no es una bitácora exportada de esta versión.
    .next = Da el archivo JSON que escribió velar log export; el de Markdown no se puede comprobar.
error-log-changed = La entrada { $n } SE CAMBIÓ después de escribirse.
    .next = No te fíes de ella. Cada equipo del círculo lleva su propia bitácora: compara con otras personas.
error-log-place = La entrada { $n } NO sigue a la anterior: falta una, se metió o se movió.
    .next = No te fíes de ella. Cada equipo del círculo lleva su propia bitácora: compara con otras personas.
error-log-cut = La bitácora termina en la entrada { $n }, y había seguido: FALTA el final.
    .next = Pídela completa. Cada equipo del círculo lleva su propia bitácora: compara con otras personas.
error-log-contradiction = El archivo SE CONTRADICE con sus propias entradas: es otra alerta, o falta el consentimiento.
    .next = No te fíes de él. Pide que la exporten de nuevo.
error-log-digest = Algo alrededor de las entradas SE CAMBIÓ: las notas, o qué persona es cada número.
    .next = No te fíes de él. Pide que la exporten de nuevo.
error-log-another = Es OTRA bitácora, no la del final que se conoce.
    .next = Revisa el final que escribiste. Si está bien, no te fíes de esta bitácora; compara con otras personas del círculo.
error-file-exists = Ya hay un archivo { $path }; se dejó como está.
    .next = Elige otro nombre u otra carpeta.
error-file-write = No se pudo escribir { $path }: { $detail }
    .next = Revisa la carpeta, sus permisos y el disco, e inténtalo otra vez.
error-file-read = No se pudo leer { $path }: { $detail }
    .next = Revisa el nombre y que tengas permiso de leerlo.
error-wipe-unconfirmed = No se borró nada: aquí no hay a quién preguntarle.
    .next = Si es lo que quieres: velar wipe --yes
error-wipe-left = Las llaves quedaron destruidas, pero esto no se pudo borrar: { $paths }
    .next = Ya nadie lo puede abrir. Borra el resto a mano.
error-wipe-keys = NO SE PUDO destruir todo: { $paths }
    .next = Inténtalo otra vez con la cuenta dueña de la carpeta. Si eso no ayuda, destruye el equipo o su memoria.
error-vault-gone = La bóveda en { $path } ya no está: se borró o se movió mientras velar corría.
    .next = Desde aquí ya no se recibe ni se envía nada. Si no lo hiciste tú, avisa a tu círculo por otro medio.
error-backup-none = { $path } no es un respaldo de Velar.
    .next = Revisa el nombre.
error-backup-locked = { $path } no abre: la frase de acceso es otra, o el archivo está dañado.
    .next = Un respaldo lleva su propia frase de acceso, no la de la bóveda. Inténtalo otra vez, o usa otra copia.
error-backup-newer = { $path } se hizo con una versión más nueva de velar.
    .next = Instala la versión más nueva.
error-restore-in-circle = Esta bóveda ya está en un círculo, está entrando a uno, o ya tiene una bitácora. No se recuperó nada.
    .next = Para ver el respaldo: velar restore ARCHIVO --show. Para recuperarlo: una bóveda nueva, con --vault CARPETA y velar init.
## Velar: turnos, tiempos, entregar, simulacros, contactos, el acuerdo

presence-heard = { $name } ({ $time })
presence-silent = Sin respuesta ahora: { $names }
presence-nobody = Hasta donde se sabe, NADIE está velando (0 de { $total }).
presence-nobody-next = Lo que envíes lo verán cuando se conecten. Si vas a un lugar peligroso, habla antes con alguien.
presence-no-accompaniers = Todavía no hay nadie en el círculo que pueda responder a una alerta.
drill-line = { $line } (simulacro)
watch-drill-text = { $time } *** SIMULACRO { $alert } *** { $name }: { $text }
watch-off-shift = { $time } Fuera de turno: no se avisa que estás velando. Un pánico suena aquí de todos modos.
watch-tier-two = { $time } *** ALERTA { $alert } de { $name } *** Nadie de quienes están de turno la ha tomado, desde { $since }. Ahora se pide a todo el círculo: velar claim { $alert }
watch-tier-three = { $time } *** ALERTA { $alert } de { $name } *** NADIE la ha tomado, desde { $since }.
watch-handed-to-you = { $time } *** ALERTA { $alert } de { $name } *** { $by } te pide que la tomes: velar claim { $alert }
watch-agreed = { $time } { $name } cambió lo que acordó el círculo: velar circle show
watch-agreed-own = { $time } Cambiaste lo que acordó el círculo.
watch-contacts-set = { $time } { $name } cambió a quién acudir fuera del círculo: velar contacts
alert-handed = { $by } pide a { $to } que la tome: velar claim { $alert }
outside-drill = Es un simulacro: léelo en voz alta y no acudas a nadie de fuera.
outside-try = 1. Busca otra vez a { $name } por todos los medios, y a quienes estén cerca.
outside-call = 2. Después acude a estas personas, de arriba abajo: quién, dónde, desde cuándo, qué pides.
outside-nobody = 2. No hay contactos de fuera acordados. Los agrega quien coordina: velar contacts add
outside-contact = { $name }: { $how }
outside-note = 3. Anota lo que haces: velar note { $alert } …
outside-person = Velar no llama a nadie. Llama alguien de ustedes.
hand-over-done = Se le pide a { $name } que tome la alerta { $alert }. Mientras tanto sigue a tu cargo.
hand-over-next = Si { $name } no la toma pronto, llámale.
drill-raised = SIMULACRO ({ $alert }), { $time }. Todo el círculo ve que es un simulacro. En peligro: velar panic
drill-next = Después: velar drill --report. Lo termina otra persona: velar close { $alert }
drill-report = Simulacro { $alert } de { $name }, { $time }
drill-not-received = aún no
drill-not-known = aquí no se sabe
drill-not-taken = –
column-received = lo recibió tras
column-taken = lo tomó tras
contacts-none = Todavía no hay contactos fuera del círculo. Los agrega quien coordina: velar contacts add
contacts-when = Se muestran cuando nadie toma una alerta. Velar no llama a nadie: llama una persona.
agree-done = Acordado. Se avisa al círculo.
agreement-intervals = Reportes: cada { $road } en camino, { $base } en la base, { $home } en casa
agreement-grace = Un reporte que no llega cuenta como faltante tras { $time } más
agreement-tiers = Si nadie la toma: todo el círculo tras { $two }, contactos de fuera tras { $three }
agreement-repeat = Suena otra vez cada { $time } hasta que alguien la tome
agreement-quiet = Quien la tomó deja de llevarla tras { $time } sin dar señales
error-hand-over-has-it = { $name } ya tomó la alerta { $alert }.
    .next = Para dejarla a su cargo: velar release { $alert }
error-hand-over-not-they = { $name } no puede tomar esta alerta.
    .next = Pídeselo a quien acompañe o coordine y no sea la persona de quien trata: velar members
error-hand-over-cannot = Esa persona no puede tomar esta alerta.
    .next = Pídeselo a quien acompañe o coordine y no sea la persona de quien trata: velar members
error-drill-own-open = Tu alerta { $alert } está abierta. Un simulacro ahora confundiría a quienes la atienden.
    .next = Cuando esté cerrada, inténtalo otra vez. En peligro: velar panic
error-drill-none = Todavía no ha habido ningún simulacro.
    .next = Para practicar: velar drill
error-drill-unknown = No hay un simulacro «{ $alert }».
    .next = velar drill --report muestra el último; velar alerts --all los muestra todos.
error-contact-unknown = No hay un contacto «{ $name }».
    .next = velar contacts muestra la lista.
error-contacts-full = La lista tiene { $limit } contactos; no caben más.
    .next = Quita primero a alguien: velar contacts remove
## Lo que queda en los servidores

hold-armed = Si no te reportas, { $relay } avisa a tu círculo ({ $time }).
hold-behind = { $relay } AÚN NO sabe de este reporte y podría avisar a tu círculo ({ $time }). velar status lo intenta de nuevo; quien ya tiene tu reporte no lo toma por alarma.
hold-unknown = En { $relay } hay algo por si no te reportas; no se ha confirmado hasta cuándo. velar status vuelve a preguntar.
hold-nothing = En { $relay } aún no hay nada por si no te reportas. velar status lo intenta de nuevo.
hold-lost = { $relay } dice que perdió lo que habías dejado ahí por si no te reportas, y que no avisó a tu círculo. velar status lo deja de nuevo.
hold-lost-again = { $relay } dice que perdió lo que habías dejado ahí por si no te reportas, y que lo perdió otra vez. Ahí no habrá nada hasta tu próximo reporte: velar checkin
hold-left-again = El servidor dice que perdió lo que había ahí antes, y que no avisó a tu círculo. Ya se dejó de nuevo.
hold-none = En ningún servidor hay algo por si no te reportas: tu círculo tendrá que notarlo sin ayuda del servidor. velar status lo intenta de nuevo.
hold-over = El plazo terminó ({ $time }): { $relay } avisa a tu círculo, o ya avisó. Si estás a salvo: velar checkin
hold-ends = Lo que hay en { $relay } por si no te reportas ya no hace falta, pero aún no se cancela: podría avisar a tu círculo ({ $time }). velar status lo intenta de nuevo.
hold-nothing-for = Ningún servidor puede avisar por ti a { $names }: faltan las claves para hacerlo, o su servidor se negó. Pide que abran velar status y vuelve a reportarte.
hold-too-long = El servidor no guarda nada por tanto tiempo. Repórtate más seguido: velar checkin --next 12h
hold-full = El servidor no tiene espacio. Avisa a quien lo opera.
hold-refused = El servidor no lo aceptó esta vez; se le vuelve a pedir.
watch-relay-asks = { $time } A { $name } ahora le llega por { $relay }, un servidor que nadie más usa aquí. No se envía nada por ahí hasta que decidas: velar relays allow { $relay } o velar relays refuse { $relay }
status-relay-asks = { $names }: también le llega por { $relay }, un servidor que nadie más usa aquí. No se usa hasta que decidas: velar relays allow { $relay } o velar relays refuse { $relay }
status-relay-asks-only = NO se le envía NADA a { $names }, salvo una alarma: solo le llega por { $relay }, un servidor que nadie más usa aquí. Decide: velar relays allow { $relay } o velar relays refuse { $relay }
status-relay-refused-only = NO se le envía NADA a { $names }, ni una alarma: dijiste que no a { $relay }. Para cambiarlo: velar relays allow { $relay }
panic-relay-asks = A { $names } no le llega por ningún otro lado que { $relay }, que aún no permites: la alarma va por ahí de todos modos.
watch-hold-lost = { $time } { $relay } dice que perdió lo que habías dejado ahí por si no te reportabas, y que no avisó a tu círculo. velar status lo deja de nuevo, y dice si ya está ahí.
watch-hold-gone = { $time } Lo que habías dejado en { $relay } por si no te reportabas ya no está ahí: puede que tu círculo haya recibido el aviso. Revisa velar alerts; si estás a salvo: velar stand-down
## Kit de pánico: una alarma sin la frase de acceso

panic-kit-again = Tu alarma { $alert } no había llegado a todas partes: se envía otra vez.
panic-kit-old = Este kit se selló hace { $days } días: quizá no se abra en todas las terminales. Usa también otro medio.
panic-kit-unmarked = No se puede escribir en el archivo del kit: siempre envía esta misma alarma. Usa también otro medio.
panic-kit-prompt = La alarma va en camino. Frase de acceso, para ver quién la recibe (Enter: seguir sin ella):
panic-kit-prompt-again = Esa no abre la bóveda. Otra vez (Enter: seguir sin ella):
panic-kit-unlocked = La bóveda está abierta: aquí se ve quién la recibe.
panic-kit-words = Tus palabras no salieron con ella: para eso hace falta la frase de acceso. Para enviarlas: velar note
panic-kit-goes-on = Se sigue intentando hasta que un servidor tenga la alarma. Ctrl-C lo termina.
panic-kit-summary = { $count ->
    [0] La alarma NO está todavía en ningún servidor.
   *[other] La alarma está en el servidor para { $count } de { $total } personas. Sin la frase de acceso no se puede saber si la recibieron.
}
panic-kit-lacking = { $count ->
    [one] Para { $count } persona no había nada en el kit. Para que también le llegue: velar status, con tu frase de acceso.
   *[other] Para { $count } personas no había nada en el kit. Para que también les llegue: velar status, con tu frase de acceso.
}
panic-kit-not-everywhere = No ha llegado al servidor de todas las personas. Para seguir intentando: otra vez velar panic, o velar watch con tu frase de acceso.
panic-kit-state = Para ver quién la recibió y quién la tomó: velar alerts, con tu frase de acceso.
panic-kit-left = { $count ->
    [0] Fue la última alarma sin frase de acceso. Para renovar el kit: velar status, con tu frase de acceso.
    [one] Queda una alarma más sin la frase de acceso.
   *[other] Quedan { $count } alarmas más sin la frase de acceso.
}
panic-kit-used-up = { $count ->
    [one] La única alarma del kit ya se dio y está en el servidor. Para otra, y para un kit nuevo, hace falta tu frase de acceso.
   *[other] Las { $count } alarmas del kit ya se dieron y están en el servidor. Para otra, y para un kit nuevo, hace falta tu frase de acceso.
}
panic-disarmed = El kit de pánico ya no está en este equipo. Desde ahora velar panic pide tu frase de acceso. Para hacer otro: velar panic --arm
panic-armed = { $count ->
    [0] Todavía no hay kit: faltan aquí las llaves de otras personas. Se hace solo en cuanto estén: velar status
    [one] El kit de pánico está listo: se puede dar una alarma sin la frase de acceso.
   *[other] El kit de pánico está listo: se pueden dar { $count } alarmas sin la frase de acceso.
}
status-kit = { $count ->
    [0] Kit de pánico: no hay. velar panic pide tu frase de acceso.
    [one] Kit de pánico: hay una alarma lista sin la frase de acceso.
   *[other] Kit de pánico: hay { $count } alarmas listas sin la frase de acceso.
}
status-kit-lacking = { $count ->
    [one] Todavía no tiene nada para { $count } persona: sus llaves llegan cuando las dos terminales se hayan conectado.
   *[other] Todavía no tiene nada para { $count } personas: sus llaves llegan cuando ambas terminales se hayan conectado.
}
status-kit-disarmed = Kit de pánico: lo quitaste tú. Para hacer otro: velar panic --arm
watch-old-kit = { $time }  Esa alarma salió de un kit de pánico VIEJO de { $name }: puede ser { $name }, o alguien que tiene una copia. Tómala como real y pregúntale a { $name } por otro medio.
watch-kit-copied = { $time }  La ALARMA { $alert } salió a tu nombre con tu kit de pánico, y no desde aquí. Si no fuiste tú, alguien tiene una copia: avisa a tu círculo por otro medio. La copia queda sin validez desde ahora.
error-kit = No se pudo cambiar el kit de pánico: { $detail }
    .next = Revisa el disco y los permisos de la carpeta, e inténtalo otra vez. Mientras tanto sigue como estaba.
## Coacción

duress-advice = Con la segunda frase todo se ve como siempre, y tu círculo se entera de que puedes estar actuando bajo coacción. Elige una que puedas decir sin titubear y que no escribirías por error.
duress-second = Segunda frase de acceso:{" "}
duress-set = La segunda frase de acceso está puesta. Si había otra, ya no abre nada.
duress-set-next = Sigue usando la que acabas de escribir. Acuerden en tu círculo qué harán cuando uses la otra.
duress-removed = Listo: solo la frase que acabas de usar abre la bóveda.
error-duress-alike = Esa frase ya abre la bóveda, o se parece demasiado a una que la abre.
    .next = Elige palabras muy distintas, para que un error de dedo no convierta una en la otra.
watch-duress = { $time } *** ALERTA { $alert } *** { $name } puede estar actuando bajo coacción: se usó la segunda frase de acceso.
watch-duress-how = { $time } Nada de esto se ve en los equipos de { $name }. Quien los tenga lee lo que mandes ahí: escríbele con calma a { $name }, y acuerden entre ustedes aquí: velar note { $alert } …
watch-duress-passed-on = { $time } Lo notó la terminal de { $by }.
watch-stand-down-duress = { $time } Alerta { $alert }: ese «estoy a salvo» puede haberse dicho bajo coacción. Sigue abierta: velar alerts
watch-stand-down-confirmed-duress = { $time } Alerta { $alert }: { $by } le respondió con calma a { $name }. Para el resto sigue abierta.
watch-stand-down-confirmed-own = { $time } Alerta { $alert }: { $by } confirmó que estás a salvo. Hiciste bien en avisar: más vale diez falsas alarmas que un silencio.
watch-closed-own = { $time } Tu alerta { $alert } la cerró { $by }. Hiciste bien en avisar.
alert-duress = { $name } puede estar actuando bajo coacción: se usó la segunda frase de acceso
alert-duress-how = Nada de esto se ve en los equipos de { $name }, tampoco tus notas de aquí. Escríbele con calma a { $name }.
alert-stand-down-duress = { $name } dice «estoy a salvo», { $time }, quizá bajo coacción. Para responderle con calma; para el resto sigue abierta: velar stand-down { $alert } --confirm
stand-down-duress-advice = { $name } puede estar actuando bajo coacción. Una confirmación se ve como siempre en el equipo de { $name }; para el resto la alerta sigue abierta.
stand-down-duress-ask = ¿Responderle a { $name } como si todo estuviera bien?
stand-down-duress-done = En el equipo de { $name } se ve que confirmaste. Para el resto la alerta { $alert } sigue abierta: { $name } puede estar actuando bajo coacción.
stand-down-calm = Dile a { $name } que hizo bien en avisar: más vale diez falsas alarmas que un silencio.
close-duress-ask = { $name } puede estar actuando bajo coacción. ¿Alguien ha visto a { $name } a salvo y con libertad para hablar? ¿Cerrarla?
error-close-duress = { $name } puede estar actuando bajo coacción. No se cerró nada.
    .next = Cuando alguien haya visto a { $name } a salvo y con libertad para hablar: velar close --unconfirmed
close-duress-done = En los equipos de { $name } se ve abierta hasta que { $name } vuelva a usar la frase de todos los días.
say-duress = { $names }: puede estar actuando bajo coacción, y quien tenga su equipo lee esto.
say-duress-ask = ¿Mandarlo?
