-- Accounts of sign-in providers: who somebody is there, and which sessions a logout there ends.

-- `provider`: where the account signs in; null: here, with a password.
alter table cim_account add column provider {text};

create table cim_external_account (
  provider {text} not null,
  subject {text} not null,
  username {text} not null,
  primary key (provider, subject)
);
create index cim_external_account_username on cim_external_account (username);

alter table cim_session add column provider {text};
alter table cim_session add column provider_session {text};
