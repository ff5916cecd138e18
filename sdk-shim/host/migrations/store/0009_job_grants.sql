-- What the owner might do when the job ran, as one number: with other grants its result is not given out.

alter table cim_job add column grants {int} not null default 0;
