import time
def test_x(database_url):
    time.sleep(30)
