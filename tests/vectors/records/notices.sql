BEGIN TRANSACTION;
CREATE TABLE cursor (one INTEGER PRIMARY KEY CHECK (one = 1), position INTEGER NOT NULL) STRICT;
INSERT INTO "cursor" VALUES(1,3);
CREATE TABLE digest (
  number INTEGER PRIMARY KEY, digest_id TEXT NOT NULL UNIQUE, channel TEXT NOT NULL, recipient TEXT NOT NULL,
  created_us INTEGER NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, due_us INTEGER NOT NULL,
  problem TEXT NOT NULL, notices TEXT NOT NULL) STRICT;
INSERT INTO "digest" VALUES(1,'message-b13f7231-3969-58f9-9632-ff1b2ef1ad91','paper','team-1',1795435261000000,'waiting',0,1795435261000000,'','["notice-1", "notice-2"]');
CREATE TABLE notice (
  notice_id TEXT PRIMARY KEY, position INTEGER NOT NULL, at_us INTEGER NOT NULL, kind TEXT NOT NULL,
  severity TEXT NOT NULL, audience TEXT NOT NULL, team_id TEXT, object_id TEXT NOT NULL, sentence TEXT NOT NULL,
  todo TEXT NOT NULL, command TEXT NOT NULL) STRICT;
INSERT INTO "notice" VALUES('notice-1',1,1795435200000000,'renewal-failed','warning','["owner"]','team-1','certificate-1','It failed.','Look.','sslclm show x');
INSERT INTO "notice" VALUES('notice-2',2,1795435200000000,'renewal-failed','warning','["owner"]','team-1','certificate-2','It failed.','Look.','sslclm show x');
INSERT INTO "notice" VALUES('notice-3',3,1795435261000000,'renewal-failed','warning','["owner"]','team-1','certificate-3','It failed.','Look.','sslclm show x');
CREATE TABLE pending (
  channel TEXT NOT NULL, recipient TEXT NOT NULL, notice_id TEXT NOT NULL, since_us INTEGER NOT NULL,
  PRIMARY KEY (channel, recipient, notice_id)) STRICT, WITHOUT ROWID;
INSERT INTO "pending" VALUES('paper','team-1','notice-3',1795435261000000);
CREATE INDEX notice_position ON notice (position);
CREATE INDEX digest_state ON digest (state, due_us);
COMMIT;
