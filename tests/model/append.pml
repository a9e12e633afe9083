/* How entries get into the ledger when several processes write to one MongoDB replica set and anything may fail.
 *
 * README.md beside this file has the picture, the assumptions, the invariants and how to run it. Short: every process has
 * one writer thread; a writer reads the head, judges its queued commands, chains them and sends them as one ordered insert;
 * the database lets one entry win each position. Whatever may happen to a writer, a request, a reply or the primary is a
 * choice here, and Spin tries every order of all of them. -DSQLITE is the same for one SQLite file.
 */

#ifndef WRITERS
#define WRITERS 2                      /* processes; each has two commands */
#endif
#ifndef FAILOVERS
#define FAILOVERS 1                    /* times another node becomes primary */
#endif
#ifndef LOSSES
#define LOSSES 1                       /* times a connection is lost while a request is under way */
#endif
#ifndef CRASHES
#define CRASHES 0                      /* times a writer dies; it starts again with nothing in its memory */
#endif
#ifndef LAG
#define LAG 2                          /* stale answers that a writer may be given after each failover */
#endif
#define COMMANDS (2 * WRITERS)

/* ---- The commands. Command c belongs to writer c / 2. All want version 1 of one stream. --------------------------- */

#define A 1
#define B 2
#define C 3
#define D 4
#define STREAM(c)   ((c) == 0 || (c) == 2 -> A : ((c) == 1 || (c) == 4 -> B : ((c) == 3 -> C : D)))
#define KEY(c)      ((c) == 0 || (c) == 3 -> 1 : 0)           /* 3 is the same request as 0, by way of another process */
#define RESTS_ON(c) ((c) == 1 -> C : ((c) == 5 -> A : 0))     /* "unchanged": this stream must still be empty */
#define WIDTH(c)    ((c) == 1 -> 2 : 1)                       /* events: 1 takes two positions */

/* What a command sends: the command and how often its salt and nonces were drawn. A hash is the whole history before an
 * entry, spelled as a number, so two hashes are equal exactly where all entries up to them are. */
#define WHAT(c)          (4 * (c) + drawn[c])
#define CMD(what)        ((what) / 4)
#define HASH(prev, what) ((prev) * (4 * COMMANDS + 1) + (what) + 1)

/* ---- The database: one log of inserted documents. What a majority has is final; the rest a failover may cut off. --- */

typedef Doc { byte pos; byte what; int prev }
Doc log[COMMANDS + 1];
byte size;                              /* documents on the primary */
byte maj;                              /* of these, so many are on a majority */
byte stale[WRITERS];                   /* so many reads of this writer may still show less than the majority has */

/* ---- Requests: slot w is the one its writer waits for, slot WRITERS + w one that it has given up and that may yet run */

mtype = { NONE, RUNNING, INSERTED, REJECTED, LOST }
typedef Request { Doc doc[2]; byte n; byte next; byte upto; bit swapped; mtype state = NONE }
Request req[2 * WRITERS];

/* ---- What callers were told ----------------------------------------------------------------------------------------- */

mtype = { OPEN, STORED, DUPLICATE, REFUSED, UNAVAILABLE, GONE }          /* GONE: the caller died with its process */
mtype answer[COMMANDS] = OPEN;
int told[COMMANDS];                    /* hash of the entry that a STORED or DUPLICATE answer showed */
byte drawn[COMMANDS];
byte failovers = FAILOVERS, losses = LOSSES, crashes = CRASHES;

/* ---- The invariants ------------------------------------------------------------------------------------------------- */

hidden byte Gapless, SingleWinner, ChainLinks, AcknowledgedIsDurable, NoDuplicate, StreamVersionsUnique;
hidden byte UnchangedHolds, RefusedMeansAbsent, DefiniteAnswer;
hidden byte i, j, c, next_pos;
hidden int tip;

#define nGapless 1
#define nSingleWinner 2
#define nChainLinks 3
#define nAcknowledgedIsDurable 4
#define nNoDuplicate 5
#define nStreamVersionsUnique 6
#define nUnchangedHolds 7
#define nRefusedMeansAbsent 8
#define nDefiniteAnswer 9
#ifdef ONLY                            /* -DONLY=nGapless: claim this one, so that a mutation shows which one finds it */
#define CLAIM(name) assert(name || n##name != ONLY)
#else
#define CLAIM(name) assert(name)
#endif

inline pairs() {                       /* what must hold between entry i and every entry before it */
    j = 0;
    do
    :: j < i ->
        SingleWinner = SingleWinner && (log[j].pos + WIDTH(CMD(log[j].what)) <= log[i].pos ||
                                        log[i].pos + WIDTH(CMD(log[i].what)) <= log[j].pos);
        NoDuplicate = NoDuplicate && CMD(log[j].what) != CMD(log[i].what) &&
                      (KEY(CMD(log[i].what)) == 0 || KEY(CMD(log[i].what)) != KEY(CMD(log[j].what)));
        StreamVersionsUnique = StreamVersionsUnique && STREAM(CMD(log[j].what)) != STREAM(CMD(log[i].what));
        UnchangedHolds = UnchangedHolds && STREAM(CMD(log[j].what)) != RESTS_ON(CMD(log[i].what));
        j++
    :: else -> break
    od
}

inline entries_hold() {
    i = 0; next_pos = 1; tip = 0;
    do
    :: i < size ->
        Gapless = Gapless && log[i].pos == next_pos;
        ChainLinks = ChainLinks && log[i].prev == tip;
        pairs();
        RefusedMeansAbsent = RefusedMeansAbsent && answer[CMD(log[i].what)] != REFUSED &&
                             !(answer[CMD(log[i].what)] == UNAVAILABLE && log[i].what == WHAT(CMD(log[i].what)));
        next_pos = log[i].pos + WIDTH(CMD(log[i].what));
        tip = HASH(log[i].prev, log[i].what);
        i++
    :: else -> break
    od
}

inline answers_hold() {                /* every entry that a caller was shown stands in what a majority has */
    c = 0;
    do
    :: c < COMMANDS ->
        i = 0;
        do
        :: told[c] == 0 -> break
        :: told[c] != 0 && i == maj -> AcknowledgedIsDurable = false; break
        :: told[c] != 0 && i < maj -> if :: HASH(log[i].prev, log[i].what) == told[c] -> break :: else -> i++ fi
        od;
        c++
    :: else -> break
    od
}

inline examine() {                     /* after every change of the log and every answer */
    d_step {
        Gapless = true; SingleWinner = true; ChainLinks = true; AcknowledgedIsDurable = true; NoDuplicate = true;
        StreamVersionsUnique = true; UnchangedHolds = true; RefusedMeansAbsent = true;
        entries_hold();
        answers_hold();
        CLAIM(Gapless); CLAIM(SingleWinner); CLAIM(ChainLinks); CLAIM(AcknowledgedIsDurable); CLAIM(NoDuplicate);
        CLAIM(StreamVersionsUnique); CLAIM(UnchangedHolds); CLAIM(RefusedMeansAbsent);
        i = 0; j = 0; c = 0; next_pos = 0; tip = 0
    }
}

/* ---- The primary executes requests, one document at a time; an ordered insert stops at the first that is refused. --- */

#ifdef LAST_POSITION                   /* mutation: _id is the entry's last position */
#define ID(doc) (doc.pos + WIDTH(CMD(doc.what)) - 1)
#else
#define ID(doc) doc.pos
#endif
hidden byte refused;
hidden byte at;

inline look_for_collision(s) {         /* the unique indexes: position, stream and version, idempotency key */
    refused = false; i = 0;
    do
    :: i < size ->
        refused = refused || ID(log[i]) == ID(req[s].doc[at]);
#ifndef NO_STREAM_INDEX
        refused = refused || STREAM(CMD(log[i].what)) == STREAM(CMD(req[s].doc[at].what));
#endif
#ifndef NO_KEY_INDEX
        refused = refused || (KEY(CMD(req[s].doc[at].what)) != 0 && KEY(CMD(log[i].what)) == KEY(CMD(req[s].doc[at].what)));
#endif
        i++
    :: else -> break
    od
}

inline insert_next(s) {
    d_step {
        at = (req[s].swapped -> req[s].n - 1 - req[s].next : req[s].next);
        look_for_collision(s);
        if
        :: !refused ->
            log[size].pos = req[s].doc[at].pos; log[size].what = req[s].doc[at].what; log[size].prev = req[s].doc[at].prev;
            size++
        :: else
        fi;
        req[s].next++;
        if
#ifdef UNORDERED                       /* mutation: the documents of a group are inserted independently of each other */
        :: req[s].next == req[s].n -> req[s].state = (refused -> REJECTED : INSERTED)
#else
        :: refused -> req[s].state = REJECTED
        :: !refused && req[s].next == req[s].n -> req[s].state = INSERTED
#endif
        :: else
        fi;
        if :: req[s].state != RUNNING -> req[s].upto = size :: else fi;
        if :: s >= WRITERS && req[s].state != RUNNING -> forget(s) :: else fi;   /* nobody waits for this one */
        at = 0; refused = false; i = 0
    }
    examine()
}

inline forget(s) {
    req[s].n = 0; req[s].next = 0; req[s].upto = 0; req[s].swapped = 0; req[s].state = NONE;
    req[s].doc[0].pos = 0; req[s].doc[0].what = 0; req[s].doc[0].prev = 0;
    req[s].doc[1].pos = 0; req[s].doc[1].what = 0; req[s].doc[1].prev = 0
}

#define EXECUTE(s) :: atomic { req[s].state == RUNNING -> insert_next(s) }

active proctype Primary() {
end: do
    EXECUTE(0)
    EXECUTE(1)
    EXECUTE(2)
    EXECUTE(3)
#if WRITERS > 2
    EXECUTE(4)
    EXECUTE(5)
#endif
    od
}

active proctype Replication() {
end: do
    :: atomic { maj < size -> maj++ }
    od
}

/* Another node takes over. It has all that a majority has, and some prefix of what only the old primary had. */
active proctype Elections() {
end: do
    :: atomic {
        failovers > 0 -> failovers--;
        do
        :: size > maj -> size--; log[size].pos = 0; log[size].what = 0; log[size].prev = 0
        :: break
        od;
        skip;
        d_step {
            i = 0;
            do
            :: i < WRITERS ->
                stale[i] = LAG;
                if :: req[i].state == NONE :: else -> req[i].state = LOST fi;
                forget(WRITERS + i);
                i++
            :: else -> break
            od;
            i = 0
        }
        examine()
       }
    od
}

/* ---- A writer ------------------------------------------------------------------------------------------------------- */

/* A majority read shows what a majority has; on a fresh or a deposed primary it may show an earlier state. A read in the
 * causal session of an earlier one shows at least what that one did: the floor. */
inline majority_read(floor) {
    view = maj;
    if
    :: stale[w] > 0 -> stale[w]--; do :: view > floor -> view-- :: break od
    :: true
    fi;
    skip
}

inline tell(cmd, what, hash) { answer[cmd] = what; told[cmd] = hash }

inline read_head() {
    majority_read(0);
#ifdef HEAD_LOCAL                      /* mutation: the head is read without a majority */
    view = size;
#endif
    hpos = (view == 0 -> 0 : log[view - 1].pos + WIDTH(CMD(log[view - 1].what)) - 1);
    htip = (view == 0 -> 0 : HASH(log[view - 1].prev, log[view - 1].what));
    base = (view < maj -> view : maj); known = 1; view = 0
}

hidden byte moved, taken;
hidden int twin;

inline judge(cmd) {                    /* look at the entries of the view, then at what this group holds already */
    d_step {
        moved = false; taken = false; twin = 0; i = 0;
        do
        :: i < view ->
            taken = taken || STREAM(CMD(log[i].what)) == STREAM(cmd);
            moved = moved || STREAM(CMD(log[i].what)) == RESTS_ON(cmd);
            if
            :: KEY(cmd) != 0 && KEY(CMD(log[i].what)) == KEY(cmd) -> twin = HASH(log[i].prev, log[i].what)
            :: else
            fi;
            i++
        :: else -> break
        od;
#ifdef KEY_LOCAL                       /* mutation: the entry of a key is read without a majority */
        i = 0;
        do
        :: i < size ->
            if
            :: KEY(cmd) != 0 && KEY(CMD(log[i].what)) == KEY(cmd) -> twin = HASH(log[i].prev, log[i].what)
            :: else
            fi;
            i++
        :: else -> break
        od;
#endif
        if
        :: req[w].n > 0 ->
            taken = taken || STREAM(CMD(req[w].doc[0].what)) == STREAM(cmd);
            moved = moved || STREAM(CMD(req[w].doc[0].what)) == RESTS_ON(cmd)
        :: else
        fi;
        if
        :: twin != 0 -> tell(cmd, DUPLICATE, twin)
        :: twin == 0 && (moved || taken) -> tell(cmd, REFUSED, 0)
        :: else -> chain(cmd)
        fi;
        moved = false; taken = false; twin = 0; i = 0
    }
}

inline chain(cmd) {                    /* behind the head, or behind the group's last */
    req[w].doc[req[w].n].what = WHAT(cmd);
    if
    :: req[w].n == 0 -> req[w].doc[0].pos = hpos + 1; req[w].doc[0].prev = htip
    :: else ->
        req[w].doc[1].pos = req[w].doc[0].pos + WIDTH(CMD(req[w].doc[0].what));
        req[w].doc[1].prev = HASH(req[w].doc[0].prev, req[w].doc[0].what)
    fi;
#ifdef NO_REHASH                       /* mutation: after a lost race positions are counted anew, hashes are not */
    if :: old_prev[w] != 0 -> req[w].doc[req[w].n].prev = old_prev[w] - 1 :: else -> old_prev[w] = 1 + htip fi;
#endif
    req[w].n++
}
#ifdef NO_REHASH
int old_prev[WRITERS];
#endif

inline take_group() {                  /* the first command that is waiting, or both */
    if
    :: answer[2 * w] == OPEN -> judge(2 * w);
        if
        :: answer[2 * w + 1] == OPEN -> judge(2 * w + 1)
        :: true
        fi
    :: else -> judge(2 * w + 1)
    fi
}

inline send() {
    req[w].next = 0; req[w].upto = 0; req[w].state = RUNNING;
#ifdef UNORDERED
    if :: req[w].swapped = 1 :: true fi
#endif
}

inline acknowledge(k) { tell(CMD(req[w].doc[k].what), STORED, HASH(req[w].doc[k].prev, req[w].doc[k].what)) }

inline abandon() {                     /* what is under way ends here, or runs on without anybody who waits for it */
    if
    :: true
    :: req[w].state == RUNNING && req[WRITERS + w].state == NONE ->
        d_step {
            i = 0;
            do
            :: i < 2 ->
                req[WRITERS + w].doc[i].pos = req[w].doc[i].pos;
                req[WRITERS + w].doc[i].what = req[w].doc[i].what;
                req[WRITERS + w].doc[i].prev = req[w].doc[i].prev;
                i++
            :: else -> break
            od;
            req[WRITERS + w].n = req[w].n; req[WRITERS + w].next = req[w].next;
            req[WRITERS + w].swapped = req[w].swapped; req[WRITERS + w].state = RUNNING;
            i = 0
        }
    fi
}

inline die() {                         /* callers with a key come again; the others are gone with the process */
    crashes--;
    abandon();
    d_step {
        forget(w);
        hpos = 0; htip = 0; known = 0; base = 0; i = 2 * w;
        do
        :: i < 2 * w + 2 ->
            if
            :: answer[i] == OPEN && KEY(i) != 0 -> drawn[i]++
            :: answer[i] == OPEN && KEY(i) == 0 -> answer[i] = GONE
            :: else
            fi;
            i++
        :: else -> break
        od;
        i = 0
    }
}

#define UNANSWERED (answer[2 * w] == OPEN || answer[2 * w + 1] == OPEN)

/* One look at the entries from the first own position on tells both where the chain ends and what became of the group. */
inline resolve() {
    majority_read(0);
    d_step {
        kept = 0; lost = false;        /* kept: so many of the group's documents are in the view, hash for hash */
        i = 0;
        do
        :: i < view ->
            if
#ifdef POSITION_ONLY                   /* mutation: an entry at one's own position is taken for one's own */
            :: kept < req[w].n && log[i].pos == req[w].doc[kept].pos -> kept++
#else
            :: kept < req[w].n && log[i].pos == req[w].doc[kept].pos && log[i].what == req[w].doc[kept].what &&
                       log[i].prev == req[w].doc[kept].prev -> kept++
            :: kept < req[w].n && log[i].pos == req[w].doc[kept].pos && !(log[i].what == req[w].doc[kept].what &&
                       log[i].prev == req[w].doc[kept].prev) -> lost = true
#endif
            :: else
            fi;
            i++
        :: else -> break
        od;
        if :: kept > 0 -> acknowledge(0) :: else fi;
        if :: kept > 1 -> acknowledge(1) :: else fi;
        view = 0; i = 0
    }
    examine()
}

inline shift() {                       /* what is left of the group, byte for byte */
    if
    :: kept == 1 ->
        req[w].doc[0].pos = req[w].doc[1].pos; req[w].doc[0].what = req[w].doc[1].what;
        req[w].doc[0].prev = req[w].doc[1].prev;
        req[w].doc[1].pos = 0; req[w].doc[1].what = 0; req[w].doc[1].prev = 0; req[w].n = 1
    :: else
    fi
}

inline redraw() {
#ifdef REDRAW
    drawn[CMD(req[w].doc[kept].what)] = 1
#else
    skip
#endif
}

inline give_up() {
    if :: answer[2 * w] == OPEN -> tell(2 * w, UNAVAILABLE, 0) :: else fi;
    if :: answer[2 * w + 1] == OPEN -> tell(2 * w + 1, UNAVAILABLE, 0) :: else fi;
    examine()
}

inline acknowledge_all() {             /* the head is now the group's last entry */
    d_step {
        kept = req[w].n - 1;
        acknowledge(0);
        if :: kept == 1 -> acknowledge(1) :: else fi;
        hpos = req[w].doc[kept].pos + WIDTH(CMD(req[w].doc[kept].what)) - 1;
        htip = HASH(req[w].doc[kept].prev, req[w].doc[kept].what);
        base = req[w].upto; known = 1; kept = 0;
        forget(w)
    }
    examine()
}

#ifndef SQLITE
proctype Writer(byte w) {
    byte hpos, base, view, kept;       /* the head's position, and how many entries end there; scratch, scratch */
    int htip;                          /* head's hash */
    bit known;
    bool lost;

idle:
    if
    :: atomic { UNANSWERED && !known -> read_head() }; goto group
    :: atomic { UNANSWERED && known -> goto group }
    :: atomic { !UNANSWERED -> goto done }
    fi;

group:
    if
    :: atomic {                        /* judged on a state that holds at least the head that it is chained to */
#if defined(UNCHANGED_STALE) || defined(NO_KEY_INDEX) || defined(NO_STREAM_INDEX)
        majority_read(0);              /* mutation: judged on a state that may be older than that head */
#else
        majority_read(base);
#endif
        take_group();
        view = 0;
        examine();
        if :: req[w].n == 0 -> goto idle :: else -> send() fi
       }
    :: atomic { stale[w] > 0 -> give_up(); goto idle }        /* no primary in time, and nothing of this was ever sent */
    :: atomic { crashes > 0 -> die(); goto idle }
    fi;

sent:
    if
#ifdef ACK_EARLY                       /* mutation: acknowledged as soon as the primary has it */
    :: atomic { req[w].state == INSERTED -> acknowledge_all(); goto idle }
#else
    :: atomic { req[w].state == INSERTED && maj >= req[w].upto -> acknowledge_all(); goto idle }
#endif
    :: atomic { req[w].state == REJECTED -> req[w].state = NONE; goto doubt }
#ifndef WAIT_FOR_EVER                  /* mutation: whoever hears nothing waits on */
    :: atomic { req[w].state == LOST -> req[w].state = NONE; goto doubt }
#endif
    :: atomic { losses > 0 && req[w].state != LOST -> losses--; abandon(); req[w].state = LOST }; goto sent
    :: atomic { crashes > 0 -> die(); goto idle }
    fi;

doubt:                                 /* what was sent may be there, or may yet be */
    if
    :: atomic {
#if defined(RESEND_BLIND)              /* mutation: chained anew without a look */
        forget(w); known = 0; goto idle
#elif defined(GIVE_UP_IN_DOUBT)        /* mutation: "not stored" is said without knowing */
        give_up(); forget(w); known = 0; goto idle
#else
        resolve();
        if
        :: lost || kept == req[w].n -> /* all told; or the position went to another, and nothing sent there can come */
            forget(w); known = 0; kept = 0; lost = false; goto idle
        :: else ->                     /* absent so far: the same bytes again, and nothing else */
#if defined(REDRAW) || defined(JUDGE_IN_DOUBT)
            redraw();                  /* mutations: chained and judged anew, with other bytes or the same */
            forget(w); known = 0; kept = 0; goto idle
#else
            shift(); kept = 0; send(); goto sent
#endif
        fi
#endif
       }
    :: atomic { crashes > 0 -> die(); goto idle }
    fi;
done:
    skip
}
#endif

/* ---- SQLite: one transaction holds the file from reading the head to COMMIT, so only COMMIT itself can be in doubt. --- */

#ifdef SQLITE
inline commit() {                      /* all of the group, at once, and final */
    d_step {
        log[size].pos = req[w].doc[0].pos; log[size].what = req[w].doc[0].what; log[size].prev = req[w].doc[0].prev; size++;
        if
        :: req[w].n == 2 ->
            log[size].pos = req[w].doc[1].pos; log[size].what = req[w].doc[1].what; log[size].prev = req[w].doc[1].prev;
            size++
        :: else
        fi;
        maj = size
    }
    examine()
}

inline refuse_group() {                /* nothing can come later: the transaction is over */
    tell(CMD(req[w].doc[0].what), REFUSED, 0);
    if :: req[w].n == 2 -> tell(CMD(req[w].doc[1].what), REFUSED, 0) :: else fi;
    examine()
}

proctype Writer(byte w) {
    byte hpos, base, view, kept;
    int htip;
    bit known;
    bool lost;

idle:
    if
    :: atomic { UNANSWERED ->          /* BEGIN IMMEDIATE */
        read_head(); view = maj; take_group(); view = 0;
        examine();
        if :: req[w].n == 0 -> goto idle :: else fi;
        if
        :: commit(); acknowledge_all(); goto idle
        :: losses > 0 -> losses--; commit(); goto doubt       /* COMMIT answers with an error, and took place */
        :: losses > 0 -> losses--; goto doubt                 /* … or did not */
        :: crashes > 0 -> commit(); die(); goto idle
        :: crashes > 0 -> die(); goto idle
        fi }
    :: atomic { !UNANSWERED -> goto done }
    fi;

doubt:
    atomic {
        resolve();
        if
        :: kept == req[w].n
        :: else -> refuse_group()
        fi;
        forget(w); kept = 0; lost = false; goto idle
    };
done:
    skip
}

#endif

/* ---- Every run ends, and then every caller that lives has its answer. ------------------------------------------------- */

#define ANSWERED(c) (answer[c] != OPEN)
#if WRITERS > 2
#define ALL_ANSWERED (ANSWERED(0) && ANSWERED(1) && ANSWERED(2) && ANSWERED(3) && ANSWERED(4) && ANSWERED(5))
#else
#define ALL_ANSWERED (ANSWERED(0) && ANSWERED(1) && ANSWERED(2) && ANSWERED(3))
#endif

#ifdef LIVENESS
ltl definite { <> ALL_ANSWERED }       /* with weak fairness: whoever can go on for ever, goes on */
#endif

init {
    atomic {
        run Writer(0);
        run Writer(1)
#if WRITERS > 2
        ; run Writer(2)
#endif
    };
    timeout -> d_step { DefiniteAnswer = ALL_ANSWERED; CLAIM(DefiniteAnswer) }
}
