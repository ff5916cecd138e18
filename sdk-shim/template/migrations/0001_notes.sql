create table template_note (
  {record},
  {geom Point},
  body {text} not null
);
{layer template_note Point};
create index template_note_area on template_note (area_code);
