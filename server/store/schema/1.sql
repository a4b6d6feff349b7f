-- What a server says of itself: one row.
CREATE TABLE meta (
  one         integer PRIMARY KEY,      -- always 1
  version     integer NOT NULL,         -- of the schema
  epoch       bigint NOT NULL,          -- raised by a restore and by a failover
  counter     bigint NOT NULL,          -- SQLite: last number given; PostgreSQL has the sequence "ids"
  commits     bigint NOT NULL,          -- SQLite: commits so far, the stamps of members
  system      {text} NOT NULL,          -- PostgreSQL: the cluster's identifier
  timeline    {text} NOT NULL,          -- PostgreSQL: its timeline
  pepper      {blob} NOT NULL           -- proof of the pepper that tokens were hashed with
);

CREATE TABLE app (
  id         bigint PRIMARY KEY,        -- never used again
  app_key    {text} NOT NULL,
  rev        bigint NOT NULL,
  state      integer NOT NULL,          -- 0 live, 1 being deleted, 2 gone: its rows are being removed
  created_ms bigint NOT NULL,
  doc        {blob} NOT NULL,           -- settings and policy as JSON
  sum        bigint NOT NULL
);
CREATE UNIQUE INDEX app_by_key ON app (app_key) WHERE state < 2;

CREATE TABLE account (
  id         bigint PRIMARY KEY,        -- never used again
  app        bigint NOT NULL,
  name       {text} NOT NULL,
  rev        bigint NOT NULL,
  deleted_ms bigint NOT NULL,           -- 0: it lives; otherwise a tombstone, whose name may have a new row
  created_ms bigint NOT NULL,
  doc        {blob} NOT NULL,           -- token hash, profile, ban, push switch as JSON
  sum        bigint NOT NULL
);
CREATE UNIQUE INDEX account_by_name ON account (app, name, deleted_ms, id);
CREATE UNIQUE INDEX account_alive ON account (app, name) WHERE deleted_ms = 0;

-- A timeline: its entries are numbered 1, 2, 3 … without a hole.
CREATE TABLE conversation (
  id         bigint PRIMARY KEY,
  app        bigint NOT NULL,
  name       {text} NOT NULL,           -- P2P, Team, Notices, Broadcasts: what is locked, in this order
  kind       integer NOT NULL,
  low        bigint NOT NULL,           -- p2p: the lower account; team: the team; notices: the account
  high       bigint NOT NULL,           -- p2p: the higher account
  max_seq    bigint NOT NULL,
  floor_seq  bigint NOT NULL,           -- entries up to it are gone
  last_ms    bigint NOT NULL,           -- time of the last entry
  n_all      bigint NOT NULL,           -- running counters at max_seq: all that counts as unread,
  n_notified bigint NOT NULL,           -- notifications of it,
  n_missed   bigint NOT NULL,           -- missed calls of it
  f_all      bigint NOT NULL,           -- the same at floor_seq
  f_notified bigint NOT NULL,
  f_missed   bigint NOT NULL,
  members    bigint NOT NULL,           -- version of the member list
  sum        bigint NOT NULL
) {updated};
CREATE UNIQUE INDEX conversation_by_name ON conversation (name);
CREATE INDEX conversation_of_app ON conversation (app);

CREATE TABLE entry (
  conversation  bigint NOT NULL,
  seq           bigint NOT NULL,
  id            bigint NOT NULL,        -- server_msg_id
  time_ms       bigint NOT NULL,        -- strictly rising inside a conversation
  stored_ms     bigint NOT NULL,        -- the store's clock
  kind          integer NOT NULL,
  sender        bigint NOT NULL,        -- account
  client_msg_id {blob} NOT NULL,
  flags         bigint NOT NULL,
  n_all         bigint NOT NULL,        -- running counters of the conversation, this entry included
  n_notified    bigint NOT NULL,
  n_missed      bigint NOT NULL,
  o_all         bigint NOT NULL,        -- and of its sender
  o_notified    bigint NOT NULL,
  o_missed      bigint NOT NULL,
  members       bigint NOT NULL,        -- version of the member list that it goes to
  recalled_seq  bigint NOT NULL,        -- the recall; 0: none
  recalled_ms   bigint NOT NULL,
  recalled_by   bigint NOT NULL,
  body          {blob} NOT NULL,        -- the JSON as it came
  sum           bigint NOT NULL,
  PRIMARY KEY (conversation, seq)
) {clustered};
CREATE UNIQUE INDEX entry_by_key ON entry (conversation, sender, client_msg_id);
CREATE INDEX entry_recalled ON entry (conversation, seq) WHERE recalled_seq > 0;

-- What an account has of a conversation.
CREATE TABLE member (
  account      bigint NOT NULL,
  conversation bigint NOT NULL,
  stamp        bigint NOT NULL,         -- of the last change; in no checksum
  min_seq      bigint NOT NULL,         -- entries below it are not the account's
  cleared_seq  bigint NOT NULL,
  read_seq     bigint NOT NULL,
  read_ms      bigint NOT NULL,
  receipt_seq  bigint NOT NULL DEFAULT 0, -- up to where the peer was told that it is read
  r_all        bigint NOT NULL,         -- counters of the conversation as of read_seq
  r_notified   bigint NOT NULL,
  r_missed     bigint NOT NULL,
  s_all        bigint NOT NULL,         -- own counters as of read_seq
  s_notified   bigint NOT NULL,
  s_missed     bigint NOT NULL,
  o_all        bigint NOT NULL,         -- own counters at the own last entry
  o_notified   bigint NOT NULL,
  o_missed     bigint NOT NULL,
  pinned_ms    bigint NOT NULL,         -- 0: not pinned
  sum          bigint NOT NULL,
  PRIMARY KEY (account, conversation)
) {clustered};
CREATE INDEX member_by_stamp ON member (account, stamp);
CREATE INDEX member_of ON member (conversation);

-- When an account belongs to a team: it sees the entries from_seq to to_seq.
CREATE TABLE membership (
  conversation bigint NOT NULL,
  account      bigint NOT NULL,
  from_seq     bigint NOT NULL,
  to_seq       bigint NOT NULL,         -- 0: still
  sum          bigint NOT NULL,
  PRIMARY KEY (conversation, account, from_seq)
) {clustered};
CREATE INDEX membership_of ON membership (account);

-- Entries that an account deleted for itself.
CREATE TABLE hidden (
  account      bigint NOT NULL,
  conversation bigint NOT NULL,
  seq          bigint NOT NULL,
  id           bigint NOT NULL DEFAULT 0,  -- rises with each deletion of a conversation
  ext          {text} NOT NULL DEFAULT '', -- of the app
  PRIMARY KEY (account, conversation, seq)
) {clustered};
CREATE INDEX hidden_by_id ON hidden (account, conversation, id);

-- What an account keeps of few conversations: a pin, when it cleared the history.
CREATE TABLE kept (
  account      bigint NOT NULL,
  conversation bigint NOT NULL,
  doc          {blob} NOT NULL,         -- JSON
  sum          bigint NOT NULL,
  PRIMARY KEY (account, conversation)
) {clustered};
