create table @id@_thing (
  {record},
  name {text}
);
{layer @id@_thing None};
