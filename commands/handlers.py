"""The one literal table of handlers: command -> use case."""

from __future__ import annotations

from commands.access.create_team import CREATE_TEAM, CreateTeam
from commands.access.emergencies import END_EMERGENCY, OPEN_EMERGENCY, EndEmergency, OpenEmergency
from commands.access.erase_person import ERASE_PERSON, ErasePerson
from commands.access.give_grant import GIVE_GRANT, GiveGrant
from commands.access.name_contact import NAME_CONTACT, NameContact
from commands.access.sessions import END_SESSION, OPEN_SESSION, EndSession, OpenSession
from commands.access.withdraw_grant import WITHDRAW_GRANT, WithdrawGrant
from commands.audit.note_reading import NOTE_READING, NoteReading
from commands.base import HandlerTable
from commands.certificates.approve import APPROVE_ORDER, ApproveOrder
from commands.certificates.call_off_revocation import CALL_OFF_REVOCATION, CallOffRevocation
from commands.certificates.cancel import CANCEL_ORDER, CancelOrder
from commands.certificates.carry_out_revocations import CARRY_OUT_REVOCATION, CarryOutRevocation
from commands.certificates.import_certificate import IMPORT_CERTIFICATE, ImportCertificate
from commands.certificates.issue_server import ISSUE_SERVER_CERTIFICATE, IssueServerCertificate
from commands.certificates.keep_renewed import ADVANCE_RENEWAL, AdvanceRenewal
from commands.certificates.record_failed import RECORD_FAILED, RecordFailed
from commands.certificates.record_issued import RECORD_ISSUED, RecordIssued
from commands.certificates.reject import REJECT_ORDER, RejectOrder
from commands.certificates.renew import RENEW_CERTIFICATE, RenewCertificate
from commands.certificates.report_key import REPORT_KEY, ReportKey
from commands.certificates.request import REQUEST_CERTIFICATE, RequestCertificate
from commands.certificates.resume import RESUME_ORDER, ResumeOrder
from commands.certificates.revoke import REVOKE_CERTIFICATE, RevokeCertificate
from commands.certificates.transfer import (
    ACCEPT_OWNERSHIP,
    OFFER_OWNERSHIP,
    REFUSE_OWNERSHIP,
    WITHDRAW_OFFER,
    AcceptOwnership,
    OfferOwnership,
    RefuseOwnership,
    WithdrawOffer,
)
from commands.continuity.clock import CONFIRM_CLOCK, NOTE_CLOCK, ConfirmClock, NoteClock
from commands.continuity.epoch import (
    CONFIRM_EPOCH,
    FIND_LOSS,
    FINISH_TAKE_OVER,
    PROPOSE_EPOCH,
    TAKE_OVER_CERTIFICATE,
    TAKE_OVER_REVOCATION,
    ConfirmEpoch,
    FinishTakeOver,
    ProposeEpoch,
    TakeOverCertificate,
    TakeOverRevocation,
)
from commands.continuity.loss import FindLoss
from commands.hosts.confirm_key import CONFIRM_AGENT_KEY, ConfirmAgentKey
from commands.hosts.disable import DISABLE_HOST, DisableHost
from commands.hosts.enrol import ENROL_AGENT, RENEW_AGENT_IDENTITY, EnrolAgent, RenewAgentIdentity
from commands.hosts.heartbeat import REPORT_HEARTBEAT, ReportHeartbeat
from commands.hosts.make_token import MAKE_BOOTSTRAP_TOKEN, MakeBootstrapToken
from commands.hosts.note_presence import NOTE_PRESENCE, NotePresence
from commands.hosts.register import REGISTER_HOST, RegisterHost
from commands.hosts.remove_deployment import REMOVE_DEPLOYMENT, RemoveDeployment
from commands.hosts.report_install import REPORT_INSTALL, ReportInstall
from commands.hosts.report_removal import REPORT_REMOVAL, ReportRemoval
from commands.hosts.retry_deployment import RETRY_DEPLOYMENT, RetryDeployment
from commands.issuers.create import CREATE_ISSUER, CreateIssuer
from commands.issuers.publish_crl import PUBLISH_CRL, RECORD_CRL, PublishCrl, RecordCrl
from commands.issuers.use_root_key import USE_ROOT_KEY, UseRootKey
from commands.keys.copies import DESTROY_COPY, DestroyCopy
from commands.keys.decide_reveal import APPROVE_REVEAL, REJECT_REVEAL, ApproveReveal, RejectReveal
from commands.keys.deliver import AUTHORISE_DELIVERY, AuthoriseDelivery
from commands.keys.make import CERTIFY_SERVER_KEY, CertifyServerKey
from commands.keys.redeem import REDEEM_REVEAL, RedeemReveal
from commands.keys.request_reveal import REQUEST_REVEAL, RequestReveal
from commands.keys.rotate import BEGIN_ROTATION, END_ROTATION, BeginRotation, EndRotation
from commands.notices.alarms import CLEAR_ALARM, RAISE_ALARM, ClearAlarm, RaiseAlarm
from commands.profiles.check_living import CHECK_LIVING, CheckLiving
from commands.profiles.define import DEFINE_PROFILE, DefineProfile
from commands.profiles.retire import RETIRE_PROFILE, RetireProfile

HANDLERS: HandlerTable = {
    CreateTeam: CREATE_TEAM,
    NameContact: NAME_CONTACT,
    GiveGrant: GIVE_GRANT,
    WithdrawGrant: WITHDRAW_GRANT,
    OpenSession: OPEN_SESSION,
    EndSession: END_SESSION,
    ErasePerson: ERASE_PERSON,
    DefineProfile: DEFINE_PROFILE,
    RetireProfile: RETIRE_PROFILE,
    CheckLiving: CHECK_LIVING,
    RegisterHost: REGISTER_HOST,
    MakeBootstrapToken: MAKE_BOOTSTRAP_TOKEN,
    DisableHost: DISABLE_HOST,
    EnrolAgent: ENROL_AGENT,
    RenewAgentIdentity: RENEW_AGENT_IDENTITY,
    ConfirmAgentKey: CONFIRM_AGENT_KEY,
    ReportHeartbeat: REPORT_HEARTBEAT,
    ReportKey: REPORT_KEY,
    ReportInstall: REPORT_INSTALL,
    ReportRemoval: REPORT_REMOVAL,
    RetryDeployment: RETRY_DEPLOYMENT,
    RemoveDeployment: REMOVE_DEPLOYMENT,
    RequestCertificate: REQUEST_CERTIFICATE,
    ApproveOrder: APPROVE_ORDER,
    RejectOrder: REJECT_ORDER,
    CancelOrder: CANCEL_ORDER,
    ResumeOrder: RESUME_ORDER,
    RevokeCertificate: REVOKE_CERTIFICATE,
    ImportCertificate: IMPORT_CERTIFICATE,
    OfferOwnership: OFFER_OWNERSHIP,
    WithdrawOffer: WITHDRAW_OFFER,
    AcceptOwnership: ACCEPT_OWNERSHIP,
    RefuseOwnership: REFUSE_OWNERSHIP,
    RenewCertificate: RENEW_CERTIFICATE,
    AdvanceRenewal: ADVANCE_RENEWAL,
    CallOffRevocation: CALL_OFF_REVOCATION,
    CarryOutRevocation: CARRY_OUT_REVOCATION,
    RecordIssued: RECORD_ISSUED,
    RecordFailed: RECORD_FAILED,
    IssueServerCertificate: ISSUE_SERVER_CERTIFICATE,
    CertifyServerKey: CERTIFY_SERVER_KEY,
    AuthoriseDelivery: AUTHORISE_DELIVERY,
    DestroyCopy: DESTROY_COPY,
    RequestReveal: REQUEST_REVEAL,
    ApproveReveal: APPROVE_REVEAL,
    RejectReveal: REJECT_REVEAL,
    RedeemReveal: REDEEM_REVEAL,
    CreateIssuer: CREATE_ISSUER,
    UseRootKey: USE_ROOT_KEY,
    PublishCrl: PUBLISH_CRL,
    RecordCrl: RECORD_CRL,
    NoteReading: NOTE_READING,
    NotePresence: NOTE_PRESENCE,
    RaiseAlarm: RAISE_ALARM,
    ClearAlarm: CLEAR_ALARM,
    OpenEmergency: OPEN_EMERGENCY,
    EndEmergency: END_EMERGENCY,
    NoteClock: NOTE_CLOCK,
    ConfirmClock: CONFIRM_CLOCK,
    BeginRotation: BEGIN_ROTATION,
    EndRotation: END_ROTATION,
    FindLoss: FIND_LOSS,
    ProposeEpoch: PROPOSE_EPOCH,
    ConfirmEpoch: CONFIRM_EPOCH,
    TakeOverCertificate: TAKE_OVER_CERTIFICATE,
    TakeOverRevocation: TAKE_OVER_REVOCATION,
    FinishTakeOver: FINISH_TAKE_OVER,
}
