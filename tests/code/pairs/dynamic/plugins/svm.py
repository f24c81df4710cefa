from sklearn.svm import SVC

model = SVC()
