//! Every point: its name, and what the contract says. The order is the report's.

/// Names and clauses.
pub const CONTRACT: &[(&str, &str)] = &[
    (
        "status.answers",
        "GET /v1/status needs no signature and tells api `v1` and the time",
    ),
    (
        "enrol.unknown-code",
        "an activation code nobody gave out is refused: activation-invalid",
    ),
    (
        "enrol.own-key",
        "enrolment is signed with the very key it announces: signature-invalid",
    ),
    (
        "enrol.known",
        "a good activation code makes the station known and gives the receipt key",
    ),
    ("enrol.again", "the same code and key again get the same answer"),
    (
        "enrol.used-up",
        "the code is used up by the first key: activation-invalid for another",
    ),
    (
        "gate.signed",
        "a signed request of a known station is let through",
    ),
    (
        "gate.unsigned",
        "a request without a signature is refused: signature-missing",
    ),
    (
        "gate.unknown-station",
        "a key nobody enrolled is refused: unknown-station",
    ),
    (
        "gate.forged",
        "a signature that does not fit is refused: signature-invalid",
    ),
    (
        "gate.forged-spends-nothing",
        "a forged request does not use the nonce up",
    ),
    (
        "gate.path",
        "a signature for another path is refused: signature-invalid",
    ),
    (
        "gate.query",
        "a signature for another query is refused: signature-invalid",
    ),
    (
        "gate.method",
        "a signature for another method is refused: signature-invalid",
    ),
    (
        "gate.body",
        "a body that does not fit its signed digest is refused: digest-mismatch",
    ),
    (
        "gate.no-digest",
        "a body without a digest is refused: signature-missing",
    ),
    (
        "gate.key-unsigned",
        "an Idempotency-Key that is not signed is refused: signature-invalid",
    ),
    (
        "gate.replayed",
        "the same nonce a second time is refused: replayed",
    ),
    (
        "gate.stale",
        "signed more than 300 s ago is refused: clock-skew, with server_time",
    ),
    (
        "gate.future",
        "signed more than 300 s ahead is refused: clock-skew, with server_time",
    ),
    ("errors.not-found", "an address that is none: not-found"),
    ("errors.method", "a method that does not fit: method-not-allowed"),
    (
        "errors.media-type",
        "a body that is not application/json: unsupported-media-type",
    ),
    (
        "errors.malformed",
        "JSON that is none or of another shape: invalid-request",
    ),
    (
        "errors.too-large",
        "a small request's body beyond 64 KiB: too-large",
    ),
    (
        "errors.shape",
        "every refusal is problem+json (RFC 9457) with a known code, its status and type",
    ),
    (
        "errors.no-echo",
        "no refusal repeats a code, a name, a number or a token",
    ),
    (
        "profile.valid",
        "GET /v1/profile gives a profile that a visit can follow",
    ),
    (
        "profile.as-asked",
        "steps, proof and fee are those of the profile that was promised",
    ),
    ("stations.second", "another station can be enrolled"),
    ("schools.found", "a school is found by a part of its name"),
    ("schools.level", "a level that nobody has finds nothing"),
    (
        "schools.none",
        "a name that is none gives an empty list, no error",
    ),
    (
        "identity.resolves",
        "code and proof give a student, a token and the code's own record first",
    ),
    (
        "identity.masked",
        "the answer shows nothing of the student unmasked",
    ),
    ("identity.unknown-code", "a code of nobody: unknown-code"),
    (
        "identity.proof-required",
        "another kind of proof than the profile's: proof-required",
    ),
    (
        "identity.proof-mismatch",
        "a wrong proof: proof-mismatch, with attempts_left",
    ),
    (
        "identity.proof-locked",
        "after a few wrong proofs even the right one: proof-locked, with retry_after",
    ),
    (
        "identity.code-mismatch",
        "the code of another student than the one confirmed: code-mismatch",
    ),
    (
        "identity.name-first",
        "name and number without a code confirm, but bind no code",
    ),
    (
        "identity.several-records",
        "several academic records are all listed, one of them the code's own",
    ),
    (
        "identity.outside-window",
        "outside the school's window: eligibility and refusal say so",
    ),
    (
        "identity.already-collected",
        "approved before: eligibility and refusal say so",
    ),
    (
        "identity.not-eligible",
        "not opened by the school: eligibility and refusal say so",
    ),
    ("identity.class-payment", "where the class pays nothing is due"),
    (
        "order.asked",
        "an order is open, of the amount due, with an address to pay at",
    ),
    (
        "order.key-needed",
        "an order without an Idempotency-Key: invalid-request",
    ),
    (
        "order.same-key",
        "the same key and body again give the same order",
    ),
    (
        "order.other-body",
        "the same key with another body: idempotency-mismatch",
    ),
    (
        "order.one-open",
        "another key for the same academic record gives the same open order",
    ),
    (
        "order.private",
        "another station does not see the order: not-found",
    ),
    ("order.unknown", "an order that is none: not-found"),
    ("order.paid", "a paid order says so"),
    ("order.nothing-due", "an order where nothing is due: nothing-due"),
    (
        "capture.token-elsewhere",
        "a token is worth nothing at another station: identity-expired",
    ),
    (
        "capture.unbound",
        "a token without a code binds no photo: identity-expired",
    ),
    (
        "capture.consent",
        "a capture without the time of the consent: invalid-request",
    ),
    (
        "capture.wrong-hash",
        "a photo that does not fit its hash: photo-invalid",
    ),
    ("capture.no-picture", "a photo that is no picture: photo-invalid"),
    (
        "capture.wrong-size",
        "a standard photo that is not 480x640: photo-invalid",
    ),
    (
        "capture.other-record",
        "an academic record of another student: unknown-record",
    ),
    ("capture.taken", "a capture is taken: 201"),
    (
        "receipt.signature",
        "its receipt verifies with the receipt key of the enrolment",
    ),
    (
        "receipt.names",
        "its receipt names this record and these two photos",
    ),
    (
        "capture.state",
        "it waits for its payment or for its review, as the profile has it",
    ),
    (
        "capture.again",
        "the same capture again, four at once: 200 and the very same receipt",
    ),
    (
        "capture.conflict",
        "other photos under the same record id: capture-conflict",
    ),
    ("capture.shown", "GET shows the same receipt and the state"),
    ("capture.private", "another station sees nothing of it: not-found"),
    (
        "capture.collected",
        "a second photo while one is under review: already-collected, or a change to be paid",
    ),
    (
        "capture.superseded",
        "a change that was paid takes the place of the photo before",
    ),
    (
        "capture.offline",
        "a capture with code and proof and no token is resolved when it arrives",
    ),
    (
        "changes.order",
        "changes come one page after the other, each once, in order",
    ),
    (
        "changes.quiet",
        "where nothing is new the cursor stays and the page is empty",
    ),
    ("changes.bad-cursor", "a cursor that is none: invalid-request"),
    (
        "changes.private",
        "another station hears nothing of this station's captures",
    ),
    (
        "changes.resolved",
        "a capture that came without a token is told of as resolved, masked",
    ),
    (
        "review.rejected",
        "a rejection comes with at least one reason, in the changes and at the capture",
    ),
    (
        "review.shoot-again",
        "after it the record is open, nothing is due, and the reason is shown",
    ),
    (
        "review.approved",
        "an approval comes in the changes and at the capture",
    ),
    ("review.locked", "approved is locked: already-collected"),
    ("deliverables.before", "nothing may be had before the approval"),
    (
        "deliverables.files",
        "after it the files have the hashes, lengths and digests announced",
    ),
    (
        "deliverables.private",
        "another station may have nothing: not-found",
    ),
    (
        "key.proof",
        "a new key without its own proof is refused: invalid-request",
    ),
    (
        "key.replaced",
        "a new key takes the old one's place: the old one is unknown-station",
    ),
    (
        "revocation.signed",
        "a revoked station hears station-revoked with a signed revocation",
    ),
    (
        "revocation.code",
        "the code it once came with is no way back: station-revoked",
    ),
    ("revocation.back", "a fresh code brings it back"),
];
