"""What a first Streamlit page on LangChain looks like: the yardstick that Weir is measured against."""

import streamlit as st
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate
from langchain_openai import ChatOpenAI

chain = ChatPromptTemplate.from_template("Write a story about {topic}") | ChatOpenAI(model="bench") | StrOutputParser()

if topic := st.chat_input("Topic"):
    st.write_stream(chain.stream({"topic": topic}))
