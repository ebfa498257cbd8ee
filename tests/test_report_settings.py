"""report.toml and remarks: what they may say, and one line for what they may not."""

import io
import struct
import zipfile
import zlib
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from gridmap.demo import make_city
from gridmap.errors import GridmapError, InputError, PersonalDataError
from gridmap.i18n import tr, using_language
from gridmap.report import (
    Request,
    build_report,
    parse_remarks,
    read_settings,
    write_report,
    write_settings,
    write_templates,
)
from gridmap.report.composing import compose
from gridmap.report.document import Document, Letterhead
from gridmap.report.docx import write_docx
from gridmap.report.pdf import read_logo
from gridmap.report.writing import check_template


def png_of(width, height):
    """Return a picture of a size of which nothing but the size is there."""

    def chunk(kind, data):
        sum_of = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + sum_of

    size = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", size), (b"IDAT", zlib.compress(b"")), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('agency = "A"\nagancy = "B"\n', "2", "agancy"),
        ('agency = "A"\n\nnumber = 3\n', "3", "number"),
        ('agency = "A\n', "1", "TOML"),
        ('logo = "none.png"\n', "1", "none.png"),
        ('sections = ["city", "weather"]\n', "1", "sections"),
        ("[norms.people_per_officer]\npeople = -3\n", "1", "norms"),
        ("[norms.people_per_nobody]\npeople = 3\n", "1", "norms"),
        ('title = "{city}"\n', "1", "title"),
        ('title = "{agency.x}"\n', "1", "title"),
        ('title = "{agency!r}"\n', "1", "title"),
        ('title = "{agency:>99999999999}"\n', "1", "title"),
        ('title = "{period"\n', "1", "title"),
        ('agency = "A"\nlogo = "text.png"\n', "2", "text.png is no picture"),
        ('logo = "huge.png"\n', "1", "huge.png is no picture"),
        ('logo = "text.svg"\n', "1", "text.svg is no picture"),
        ('logo = "C:\\Users\\me\\logo.png"\n', "1", "single quotes"),
        ('logo = "C:\\temp\\new.png"\n', "1", "single quotes"),
        ('"a\\nb" = 1\n', "0", "no key a b"),
        (f'copies = ["{"x" * 201}"]\n', "1", "copies"),
        (f"number = {'9' * 5000}\n", "1", "TOML"),
        (f"number = {'[' * 3000}\n", "1", "TOML"),
        ("[norms.people_per_officer]\npeople = 1e400\n", "1", "people"),
    ],
)
def test_a_wrong_setting_is_one_line_with_file_and_line(tmp_path, text, line, said):
    path = tmp_path / "report.toml"
    path.write_text(text, encoding="utf-8")
    for name in ("text.png", "text.svg"):
        (tmp_path / name).write_text("text")
    (tmp_path / "huge.png").write_bytes(png_of(100_000, 100_000))
    with using_language("en"), pytest.raises(InputError) as caught:
        read_settings(path)
    with using_language("en"):
        told = str(caught.value)
    assert "report.toml" in told
    assert f"line {line}" in told
    assert said in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "line",
    [
        'phone = "13812345678"',
        'phone = "0571-87654321，13812345678"',
        'contact = "张伟 138 1234 5678"',
        'signatory = "张伟 330106199003078518"',
        'contact = "0571-87654321"',
        'copies = ["各派出所", "张伟 13812345678"]',
        'title = "{agency} 浙A12345"',
        'agency = "li.na@example.org"',
    ],
)
def test_settings_hold_no_record_of_a_person(tmp_path, line):
    path = tmp_path / "report.toml"
    path.write_text(line, encoding="utf-8")
    with pytest.raises(PersonalDataError) as caught:
        read_settings(path)
    told = caught.value.text()
    assert "report.toml" in told
    assert line.split(" ")[0] in told
    assert not any(part in told for part in ("138", "8765", "3301", "12345", "li.na"))


def test_who_signs_and_whom_to_ask_are_names_and_an_office_has_a_telephone(tmp_path):
    path = tmp_path / "report.toml"
    path.write_text('signatory = "张伟"\ncontact = "承办人：李娜"\nphone = "0571-87654321"\n')
    found = read_settings(path)
    assert (found.signatory, found.contact, found.phone) == (
        "张伟", "承办人：李娜", "0571-87654321",
    )  # fmt: skip
    told = parse_remarks("加强夜间巡逻。\n联系人：李娜\n电话：0571-87654321\n")
    assert (told.contact, told.phone) == ("李娜", "0571-87654321")
    for text in ("电话：13812345678", "联系人：李娜 13812345678", "请联系 13812345678"):
        with pytest.raises(InputError, match="第 1 行"):
            parse_remarks(text)


def test_settings_stand_on_the_first_page(tmp_path):
    path = tmp_path / "report.toml"
    path.write_text(
        'agency = "Test Bureau"\ntitle = "{agency} {period}"\nnumber = "No. 7"\n'
        'sections = ["stations"]\n[norms.people_per_officer]\npeople = 500\n',
        encoding="utf-8",
    )
    settings = read_settings(path)
    city = make_city(grids=60, incidents=900, seed=7)
    with using_language("en"):
        asked = Request(date(2024, 4, 1), "2024-03", settings=settings)
        plain = build_report(city, Request(date(2024, 4, 1), "2024-03"))
        report = build_report(city, asked)
        document, _ = compose(report)
        assert document.head.title == f"Test Bureau {report.period.label()}"
    assert document.head.number == "No. 7"
    assert [section.key for section in document.sections] == ["stations"]
    needed = [each.table("staffing").total["officers_needed"] for each in (report, plain)]
    assert needed[0] > needed[1]


def test_remarks_are_paragraphs_and_say_whom_to_ask():
    found = parse_remarks(
        "# Do\n\n- **First** thing\n*all* 2*3*4 *重点*加强\n- second\n\n"
        "Contact: Unit 3\nTelephone: 110\n"
    )
    assert found.lines == ("Do", "First thing", "all 2*3*4 重点加强", "second")
    assert (found.contact, found.phone) == ("Unit 3", "110")
    # The box has a head of its own.
    assert parse_remarks("# 建议：\n加强夜间巡逻。\n").lines == ("加强夜间巡逻。",)


@pytest.mark.parametrize("line", ["找张伟 13812345678", "身份证11010519491231002X"])
def test_remarks_with_a_person_are_refused(line):
    with using_language("zh"), pytest.raises(InputError) as caught:
        parse_remarks(f"加强巡逻\n{line}\n", name="r.md")
    with using_language("zh"):
        assert "第 2 行" in str(caught.value)
    assert line not in str(caught.value)


def test_templates_are_written_once(tmp_path):
    made = write_templates(tmp_path / "t")
    assert {path.name for path in made} == {"document.typ", "letter.docx", "report.toml"}
    read_settings(tmp_path / "t" / "report.toml")
    with pytest.raises(InputError):
        write_templates(tmp_path / "t")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("", b"", "holds none of document.typ, letter.docx"),
        ("letter.docx", b"text", "not a valid Word document"),
        ("letter.docx", b"zip", "not a valid Word document"),
        ("document.typ", b"\xff", "UTF-8"),
        ("document.typ", b"#let x = (", "Line 1 of"),
    ],
)
def test_a_template_is_checked_before_anything_is_measured(tmp_path, name, data, said):
    if data == b"zip":  # a package that is whole, but no document
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as package:
            package.writestr("[Content_Types].xml", "<Types")
        data = buffer.getvalue()
    if name:
        (tmp_path / name).write_bytes(data)
    for language in ("en", "zh"):
        with pytest.raises(InputError) as caught:
            check_template(tmp_path, language)
        # What is said inside the sentence is of the sentence's language, not of the moment's.
        told = caught.value.text("en")
        assert said in told
        assert "\n" not in told
        assert told.isascii()


def test_own_templates_pass_the_check_and_a_logo_may_be_a_drawing(tmp_path):
    import docx
    from PIL import Image

    write_templates(tmp_path / "t")
    check_template(tmp_path / "t", "zh")
    Image.new("CMYK", (3000, 1500)).save(tmp_path / "p.jpg")
    (tmp_path / "p.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
        '<rect width="9" height="9"/></svg>'
    )
    for name, size in (("p.jpg", (1200, 600)), ("p.svg", (1250, 125))):  # 300 by 30 points
        (tmp_path / "report.toml").write_text(f'logo = "{name}"')
        logo = read_settings(tmp_path / "report.toml").logo
        assert Image.open(io.BytesIO(read_logo(Path(logo)))).size == size
        document = Document("t", "n", "zh", Letterhead(logo=logo), (), (), "", "", "2024-04-02")
        assert len(docx.Document(io.BytesIO(write_docx(document))).inline_shapes) == 1


@pytest.fixture(scope="module")
def briefing():
    city = make_city(grids=60, incidents=300, seed=7)
    with using_language("en"):
        return build_report(city, Request(date(2024, 4, 1), "2024-03", pages="1"))


@pytest.mark.parametrize(
    ("after", "mistake"),
    [
        ("#let small", "#let x = (1, 2"),
        ("#let small", "#let x = nonsense(1)"),
        ("#let render(b)", "  let x = 1 +"),
        ("// Head of the first page", '#image("no.png")'),
        ("#for b in data.front", "#panic()"),
    ],
)
def test_a_broken_template_is_told_with_its_line_and_nothing_is_written(
    briefing, tmp_path, after, mistake
):
    write_templates(tmp_path / "t")
    template = tmp_path / "t" / "document.typ"
    lines = template.read_text(encoding="utf-8").split("\n")
    at = next(n for n, line in enumerate(lines) if line.startswith(after)) + 1
    template.write_text("\n".join([*lines[:at], mistake, *lines[at:]]), encoding="utf-8")
    asked = replace(briefing, request=replace(briefing.request, template=tmp_path / "t"))
    with pytest.raises(InputError) as caught:
        write_report(asked, tmp_path / "out", formats=["csv", "pdf"])
    told = caught.value.text("en")
    assert "\n" not in told
    assert str(template) in told
    assert f"Line {at + 1} " in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("name", "side"),
    [("张伟", "left"), ("", "center")],
)
def test_only_a_letter_with_a_signatory_is_signed(name, side):
    # GB/T 9704: upwards the number stands left and who signs right, else the number in the middle.
    import docx
    from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_TAB_ALIGNMENT

    number = "示公指〔2024〕3号"
    with using_language("zh"):
        signatory = tr("briefing.signatory", name=name or tr("briefing.blank"))
    head = Letterhead(title="示例市公安局文件", number=number, signatory=signatory)
    document = Document("t", "n", "zh", head, (), (), "", "", "2024-04-02")
    lines = docx.Document(io.BytesIO(write_docx(document))).paragraphs
    line = next(one for one in lines if number in one.text)
    if side == "left":
        assert line.text == f"{number}\t{signatory}"
        assert line.alignment == WD_ALIGN_PARAGRAPH.LEFT
        (stop,) = line.paragraph_format.tab_stops
        assert stop.alignment == WD_TAB_ALIGNMENT.RIGHT
    else:
        assert (line.text, line.alignment) == (number, WD_ALIGN_PARAGRAPH.CENTER)
        assert not any("签发人" in one.text for one in lines)


@pytest.mark.slow
def test_a_word_template_keeps_its_page_and_styles_and_loses_its_text(tmp_path):
    import docx
    from docx.shared import Pt

    from gridmap.report import write_report

    write_templates(tmp_path / "t")
    template = tmp_path / "t" / "letter.docx"
    book = docx.Document(template)
    book.sections[0].page_width = Pt(500)
    book.styles["Heading 1"].font.size = Pt(23)
    book.add_paragraph("old text")
    book.save(template)
    city = make_city(grids=60, incidents=300, seed=7)
    asked = Request(date(2024, 4, 1), "2024-03", pages="1", template=tmp_path / "t")
    with using_language("zh"):
        report = build_report(city, asked)
        write_report(report, tmp_path / "out", formats=["docx"])
        made = docx.Document(tmp_path / "out" / "report_2024-03.docx")
        assert made.sections[0].page_width == Pt(500)
        assert made.styles["Heading 1"].font.size == Pt(23)
        texts = [paragraph.text for paragraph in made.paragraphs]
        assert "old text" not in texts
        assert report.found.title in texts
        template.write_bytes(b"no document")
        with pytest.raises(InputError) as caught:
            write_report(report, tmp_path / "again", formats=["docx"])
    assert "letter.docx" in str(caught.value)
    assert not (tmp_path / "again").exists()


def _seal():
    out = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(out, "PNG")
    return out.getvalue()


def test_settings_written_by_the_page_keep_comments_and_other_keys(tmp_path):
    path = tmp_path / "report.toml"
    path.write_text('# ours\nagency = "甲局"  # name\nsecrecy = "内部资料"\n', encoding="utf-8")
    told = write_settings(
        path,
        {"agency": "乙局", "secrecy": "", "copies": ["各派出所"],
         "norms": {"people_per_officer": {"people": 2500.0}}},
        logo=("seal.PNG", _seal()),
    )  # fmt: skip
    assert told == read_settings(path)
    assert (told.agency, told.secrecy, told.copies) == ("乙局", "", ("各派出所",))
    assert Path(told.logo) == tmp_path / "logo.png"
    assert {norm.people for norm in told.norms if norm.id == "people_per_officer"} == {2500.0}
    text = path.read_text(encoding="utf-8")
    assert "# ours" in text
    assert "# name" in text
    assert write_settings(path, {"logo": "", "norms": {}}).logo == ""


def test_a_broken_settings_file_is_not_written_over(tmp_path):
    path = tmp_path / "report.toml"
    path.write_text('agency = "甲局\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"report\.toml"):
        write_settings(path, {"agency": "乙局"})
    assert path.read_text(encoding="utf-8") == 'agency = "甲局\n'


@pytest.mark.parametrize(
    ("values", "logo"),
    [
        ({"phone": "13812345678"}, None),
        ({"title": "{agency.x}"}, None),
        ({"sections": ["nothing"]}, None),
        ({"agency": "x" * 201}, None),
        ({"agency": "乙局"}, ("seal.png", b"text")),
        ({"agency": "乙局"}, ("seal.gif", b"GIF89a")),
        ({"norms": {"people_per_officer": {"people": -1.0}}}, None),
    ],
)
def test_a_wrong_setting_from_the_page_changes_nothing(tmp_path, values, logo):
    path = tmp_path / "report.toml"
    path.write_text('agency = "甲局"\nlogo = "logo.png"\n', encoding="utf-8")
    (tmp_path / "logo.png").write_bytes(_seal())
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    with pytest.raises(GridmapError):
        write_settings(path, values, logo=logo)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == before
