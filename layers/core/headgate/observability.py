"""The one logger of the functions: structured lines, the run id in each when there is one."""

from aws_lambda_powertools import Logger

logger = Logger(service="headgate")
