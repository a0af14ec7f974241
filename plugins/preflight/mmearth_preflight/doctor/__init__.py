"""`mmearth-core doctor`: can this machine, account and configuration download a dataset?"""
