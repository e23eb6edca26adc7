"""Search in a local corpus: the documentation of the running Python, or a folder of documents.

Nothing is downloaded and nothing foreign is shipped. `corpus` is the entrance; `analysis` turns
text and queries into terms, `index` keeps them in sqlite, `folder` and `python_docs` read
documents, `bm25` ranks in memory instead. Knows nothing of agents: see `deepcoder.agent.tools`.

    corpus = open_corpus(None, Path("~/.cache/deepcoder"))
    corpus.search("read all lines of a file", k=3)[0].document.title
"""

from deepcoder.retrieval.corpus import Corpus, Hit, open_corpus
from deepcoder.retrieval.documents import Document
from deepcoder.retrieval.names import RankerName

__all__ = ["Corpus", "Document", "Hit", "RankerName", "open_corpus"]
