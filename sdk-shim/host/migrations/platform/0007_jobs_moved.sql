-- The queue lies in the store of the data now, where all hosts see it.

drop table cim_job;
