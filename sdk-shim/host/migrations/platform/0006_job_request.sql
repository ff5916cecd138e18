-- What a client asked for beside the inputs: outputs, form of the answer, who is told of the end.

alter table cim_job add column request {text} not null default '{}';
