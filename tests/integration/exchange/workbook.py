"""An XLSX made by hand, with what libraries that write them hide: formats of cells, the system of dates."""
import io
import zipfile


def workbook(cells, counted_from_1904=False):
    """An XLSX of one column "day": numbers with the built-in format of a cell (0: none, 14: a date, 31: 年月日), and texts."""
    formats = sorted({form for _, form in cells if form is not None})
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    package = "http://schemas.openxmlformats.org/package/2006/"
    rows = ['<row r="1"><c r="A1" t="inlineStr"><is><t>day</t></is></c></row>']
    for i, (value, form) in enumerate(cells, 2):
        rows.append('<row r="%d">%s</row>' % (i, '<c r="A%d" t="inlineStr"><is><t>%s</t></is></c>' % (i, value) if form is None
                                              else '<c r="A%d" s="%d"><v>%s</v></c>' % (i, formats.index(form), value)))
    parts = {
        "[Content_Types].xml": '<Types xmlns="%scontent-types"><Default Extension="rels" ContentType="application/'
                               'vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType='
                               '"application/xml"/>%s</Types>' % (package, "".join(
                                   '<Override PartName="/xl/%s.xml" ContentType="application/vnd.openxmlformats-'
                                   'officedocument.spreadsheetml.%s+xml"/>' % each for each in (
                                       ("workbook", "sheet.main"), ("worksheets/sheet1", "worksheet"), ("styles", "styles")))),
        "_rels/.rels": '<Relationships xmlns="%srelationships"><Relationship Id="a" Type="%s/officeDocument" '
                       'Target="xl/workbook.xml"/></Relationships>' % (package, office),
        "xl/workbook.xml": '<workbook xmlns="%s" xmlns:r="%s"><workbookPr%s/><sheets><sheet name="S" sheetId="1" r:id="a"/>'
                           '</sheets></workbook>' % (main, office, ' date1904="1"' if counted_from_1904 else ""),
        "xl/_rels/workbook.xml.rels": '<Relationships xmlns="%srelationships"><Relationship Id="a" Type="%s/worksheet" '
                                      'Target="worksheets/sheet1.xml"/><Relationship Id="b" Type="%s/styles" '
                                      'Target="styles.xml"/></Relationships>' % (package, office, office),
        "xl/styles.xml": '<styleSheet xmlns="%s"><cellXfs count="%d">%s</cellXfs></styleSheet>' % (
            main, len(formats), "".join('<xf numFmtId="%d" applyNumberFormat="1"/>' % form for form in formats)),
        "xl/worksheets/sheet1.xml": '<worksheet xmlns="%s"><sheetData>%s</sheetData></worksheet>' % (main, "".join(rows)),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, '<?xml version="1.0"?>' + text)
    return out.getvalue()
