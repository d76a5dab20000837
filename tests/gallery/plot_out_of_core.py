"""Text that does not fit in memory: batches of hashed words, learnt one after the other."""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.naive_bayes import MultinomialNB
from sklearn.neural_network import MLPClassifier

TOPICS = {
    "cooking": "salt pan oven bread butter onion boil taste",
    "sailing": "wind mast harbour rope deck storm compass oar",
    "music": "violin chord tempo choir string note rehearsal drum",
}
FILLER = [
    "the",
    "a",
    "of",
    "and",
    "we",
    "they",
    "then",
    "there",
    "is",
    "was",
    "again",
    "often",
    "some",
    "good",
    "new",
    "old",
]


def read_batches(n_batches, n_documents=50):
    """Yield documents and their topics, a batch at a time."""
    rng = np.random.default_rng(0)
    for _ in range(n_batches):
        topics = rng.choice(list(TOPICS), n_documents)
        words = [rng.choice([*TOPICS[topic].split(), *FILLER * 3], 20) for topic in topics]
        yield [" ".join(document) for document in words], topics


vectorizer = HashingVectorizer(n_features=2**10, alternate_sign=False)
classifiers = {
    "network": MLPClassifier(20, learning_rate_init=0.01, random_state=0),
    "linear": SGDClassifier(random_state=0),
    "naive Bayes": MultinomialNB(alpha=0.01),
}
batches = read_batches(21)
documents, y_test = next(batches)
X_test = vectorizer.transform(documents)
scores = {name: [] for name in classifiers}
for documents, topics in batches:
    X = vectorizer.transform(documents)
    for name, clf in classifiers.items():
        clf.partial_fit(X, topics, classes=sorted(TOPICS))
        scores[name].append(clf.score(X_test, y_test))

results = {f"{name}: scores": values for name, values in scores.items()}
results["network: probabilities"] = classifiers["network"].predict_proba(X_test)
figure, ax = plt.subplots()
for name, values in scores.items():
    ax.plot(values, label=name)
ax.set(xlabel="batch", ylabel="accuracy")
ax.legend()
plt.show()
