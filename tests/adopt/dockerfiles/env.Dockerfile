FROM python:3.12
ENV A=1 B="two words" C='$A' D=a\ b
ENV OLD style value
ENV E=$A/$B F=${NOT_SET:-x} G=\$A
ENV PATH=/x:$PATH
ENV PATH=/y:$PATH BOTH="$PATH and $A" A=2
