"""The question bank: all quizzes as one printable sheet, the answers on pages of their own.

The chapters show each question with its explanations (see `coursebook.quizzes`); for an exam or a classroom
without computers the same questions are needed without them, and a key to mark by.
"""

from coursebook.project import Project
from coursebook.quizzes import KINDS, LETTERS, Question, Quiz
from coursebook.sources import Source
from coursebook.words import table


def sheet(project: Project, sources: list[Source], quizzes: dict[str, Quiz]) -> str:
    """Return the questions of all chapters of the book, in Markdown.

    Parameters
    ----------
    project : Project
    sources : list of Source
        In the order of the book.
    quizzes : dict
        Number of the chapter -> its quiz.
    """
    blocks = []
    for source, quiz in _chosen(project, sources, quizzes):
        blocks.append(f"### {source.title} {{#questions-{quiz.chapter} .unnumbered}}")
        blocks += [_question(number, question) for number, question in enumerate(quiz.questions, 1)]
    return "\n\n".join(blocks) + "\n"


def key(project: Project, sources: list[Source], quizzes: dict[str, Quiz]) -> str:
    """Return the right answers and their explanations, one table a chapter, in Markdown."""
    blocks = []
    for source, quiz in _chosen(project, sources, quizzes):
        rows = []
        for number, question in enumerate(quiz.questions, 1):
            right = [(a, b) for a, b in zip(LETTERS, question.answers, strict=False) if b.correct]
            because = " ".join(f"{letter}) {answer.why}" for letter, answer in right)
            rows.append([str(number), ", ".join(letter for letter, _ in right), because])
        blocks.append(table(["Question", "Right", "Because"], rows, source.title, (12, 10, 78), right=True))
    return "\n\n".join(blocks) + "\n"


def _chosen(project, sources, quizzes):
    pages = project.pages()
    for source in sources:
        if source.chapter in quizzes and f"book/{source.name}.qmd" in pages:
            yield source, quizzes[source.chapter]


def _question(number: int, question: Question) -> str:
    """One question as an item of a numbered list, its answers as a lettered one inside."""
    head = f"{number}.  {question.question} *{KINDS[question.kind]}*"
    answers = [f"    {a})  {b.text}" for a, b in zip(LETTERS, question.answers, strict=False)]
    return "\n".join([" ".join(head.split("\n")), "", *answers])
