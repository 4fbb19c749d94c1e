BEGIN TRANSACTION;
CREATE TABLE administrators (
	name VARCHAR(64) NOT NULL, 
	token_sha256 VARCHAR(64) NOT NULL, 
	PRIMARY KEY (name), 
	UNIQUE (token_sha256)
);
INSERT INTO "administrators" VALUES('officer','528bdfb2c7cac57fb01026f2702dd0df52f4bb61d37ef1fa494d5e6daca4c7d6');
CREATE TABLE directives (
	id VARCHAR(64) NOT NULL, 
	text TEXT NOT NULL, 
	sha256 VARCHAR(64) NOT NULL, 
	document TEXT NOT NULL, 
	activated_at VARCHAR(40) NOT NULL, 
	activated_by VARCHAR(64) NOT NULL, 
	PRIMARY KEY (id)
);
CREATE TABLE law (
	name VARCHAR(64) NOT NULL, 
	document TEXT NOT NULL, 
	set_by VARCHAR(64) NOT NULL, 
	set_at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (name)
);
CREATE TABLE meta (
	name VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "meta" VALUES('schema','2');
INSERT INTO "meta" VALUES('sequence','0');
INSERT INTO "meta" VALUES('epoch','0');
CREATE TABLE nonces (
	sha256 VARCHAR(64) NOT NULL, 
	"key" VARCHAR(64) NOT NULL, 
	expires_at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (sha256)
);
CREATE TABLE outbox (
	record VARCHAR(64) NOT NULL, 
	entry BLOB NOT NULL, 
	PRIMARY KEY (record)
);
CREATE TABLE pinned (
	item VARCHAR(128) NOT NULL, 
	PRIMARY KEY (item)
);
CREATE TABLE policies (
	digest VARCHAR(64) NOT NULL, 
	bundle TEXT NOT NULL, 
	PRIMARY KEY (digest)
);
CREATE TABLE presented (
	issuer VARCHAR(64) NOT NULL, 
	jti VARCHAR(128) NOT NULL, 
	expires_at VARCHAR(40) NOT NULL, 
	PRIMARY KEY (issuer, jti)
);
CREATE TABLE rows (
	kind VARCHAR(16) NOT NULL, 
	"key" VARCHAR(128) NOT NULL, 
	sequence INTEGER NOT NULL, 
	body BLOB, 
	PRIMARY KEY (kind, "key")
);
CREATE TABLE settings (
	name VARCHAR(64) NOT NULL, 
	value TEXT NOT NULL, 
	set_by VARCHAR(64) NOT NULL, 
	set_at VARCHAR(40) NOT NULL, 
	reason TEXT NOT NULL, 
	PRIMARY KEY (name)
);
CREATE UNIQUE INDEX rows_by_sequence ON rows (sequence);
COMMIT;
